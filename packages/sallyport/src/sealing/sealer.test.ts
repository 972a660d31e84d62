import { system } from "@sallyport/auth";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSealer } from "./sealer.js";

const OLD = new Uint8Array(32).fill(1);
const NEW = new Uint8Array(32).fill(2);
const secret = Buffer.from("refresh token of somebody");
const place = "vault/42";

describe("a sealer", () => {
  test("opens what it sealed, whatever the bytes and the place", () => {
    const sealer = createSealer(OLD, system);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.string({ unit: "grapheme" }), (plaintext, at) => {
        const sealed = sealer.seal(plaintext, at);
        expect(sealed).toMatch(/^[A-Za-z0-9_-]{8}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/);
        expect(Buffer.from(sealer.open(sealed, at) ?? [0]).equals(plaintext) || plaintext.length === 0).toBe(true);
        expect(sealer.open(sealed, at)).toHaveLength(plaintext.length);
      }),
    );
  });

  test("opens nothing at another place: a row that was copied over another stays shut", () => {
    const sealer = createSealer(OLD, system);
    expect(sealer.open(sealer.seal(secret, place), "vault/43")).toBeUndefined();
  });

  test("opens nothing that was changed in any byte", () => {
    const sealer = createSealer(OLD, system);
    const sealed = sealer.seal(secret, place);
    for (let index = 0; index < sealed.length; index++) {
      // The highest bit of a character is never one of the spare bits at the end of base64url.
      const other = sealed[index] === "A" ? "g" : "A";
      expect(sealer.open(`${sealed.slice(0, index)}${other}${sealed.slice(index + 1)}`, place)).toBeUndefined();
    }
  });

  test("opens no other text, and does not throw on it", () => {
    const sealer = createSealer(OLD, system);
    const [id] = sealer.seal(secret, place).split(".");
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(sealer.open(text, place)).toBeUndefined();
        expect(sealer.open(`${id}.${text}.${text}`, place)).toBeUndefined();
      }),
    );
  });

  test("says nothing twice in the same words", () => {
    const sealer = createSealer(OLD, system);
    expect(sealer.seal(secret, place)).not.toBe(sealer.seal(secret, place));
  });

  test("seals with the first master key and opens with all of them", () => {
    const before = createSealer(OLD, system);
    const during = createSealer([NEW, OLD], system);
    const after = createSealer([NEW], system);
    const sealed = before.seal(secret, place);
    expect(during.open(sealed, place)).toEqual(secret);
    expect(after.open(sealed, place)).toBeUndefined();
    expect(after.open(during.seal(secret, place), place)).toEqual(secret);
  });

  test("rewraps under the first master key, still bound to its place", () => {
    const rewrapped = createSealer([NEW, OLD], system).rewrap(createSealer(OLD, system).seal(secret, place)) ?? "";
    const after = createSealer(NEW, system);
    expect(after.open(rewrapped, place)).toEqual(secret);
    expect(after.open(rewrapped, "vault/43")).toBeUndefined();
    expect(after.rewrap(createSealer(OLD, system).seal(secret, place))).toBeUndefined();
  });

  test("derives 32 bytes per label and key, always the same", () => {
    const sealer = createSealer([NEW, OLD], system);
    expect(sealer.derive("a")).toHaveLength(32);
    expect(sealer.derive("a")).toEqual(createSealer(NEW, system).derive("a"));
    expect(sealer.derive("a")).not.toEqual(sealer.derive("b"));
    expect(sealer.deriveAll("a")).toEqual([sealer.derive("a"), createSealer(OLD, system).derive("a")]);
  });

  test.each([
    ["no key", []],
    ["a short key", [new Uint8Array(16)]],
    ["one short key of two", [NEW, new Uint8Array(31)]],
  ])("refuses %s", (_, keys) => {
    expect(() => createSealer(keys, system)).toThrow(TypeError);
  });
});
