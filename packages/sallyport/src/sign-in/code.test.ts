import { createTestSystem } from "@sallyport/auth/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CodePurpose, createCode, hashCode, parseCode } from "./code.js";

const PURPOSES: readonly CodePurpose[] = ["owner", "user"];
/** Codes are a function of the random bytes, so that all of them can be looked at. */
const codeOf = (purpose: CodePurpose, bytes: Uint8Array) =>
  createCode(purpose, { ...createTestSystem(), randomBytes: () => bytes });
const anyCode = fc
  .tuple(fc.constantFrom(...PURPOSES), fc.uint8Array({ minLength: 16, maxLength: 16 }))
  .map(([purpose, bytes]) => ({ purpose, code: codeOf(purpose, bytes) }));

describe("one-time codes", () => {
  it("are seven groups of four characters of Crockford's base 32", () => {
    fc.assert(fc.property(anyCode, ({ code }) => /^([0-9A-HJKMNP-TV-Z]{4}-){6}[0-9A-HJKMNP-TV-Z]{4}$/.test(code)));
  });

  it("hold 128 random bits: every bit changes the code", () => {
    const zero = new Uint8Array(16);
    const codes = Array.from({ length: 128 }, (_, bit) =>
      codeOf(
        "owner",
        zero.map((byte, index) => (index === bit >> 3 ? byte | (1 << (bit & 7)) : byte)),
      ),
    );
    expect(new Set([codeOf("owner", zero), ...codes]).size).toBe(129);
    const asked: number[] = [];
    const randomBytes = (length: number) => {
      asked.push(length);
      return new Uint8Array(length);
    };
    createCode("owner", { ...createTestSystem(), randomBytes });
    expect(asked).toEqual([16]);
  });

  it("are read back with their purpose", () => {
    fc.assert(
      fc.property(anyCode, ({ purpose, code }) => {
        expect(parseCode(code)).toEqual({ purpose, code });
      }),
    );
  });

  it("may be pasted in lower case, with spaces, other dashes, and O, I and L for 0 and 1", () => {
    fc.assert(
      fc.property(anyCode, ({ purpose, code }) => {
        const sloppy = ` ${code.toLowerCase().replaceAll("-", " – ").replaceAll("0", "o").replaceAll("1", "l")}\n`;
        expect(parseCode(sloppy)).toEqual({ purpose, code });
      }),
    );
  });

  it("with one wrong character hardly ever pass the checksum, so that a slip costs no try", () => {
    const code = codeOf("owner", new Uint8Array(16).fill(0x5a));
    const letters = [..."0123456789ABCDEFGHJKMNPQRSTVWXYZ"];
    const slips = [...code].flatMap((right, index) =>
      right === "-"
        ? []
        : letters
            .filter((letter) => letter !== right)
            .map((wrong) => code.slice(0, index) + wrong + code.slice(index + 1)),
    );
    expect(slips.length).toBe(28 * 31);
    expect(slips.filter((slip) => parseCode(slip) !== undefined).length / slips.length).toBeLessThan(0.01);
  });

  it.each(["", " ", "-", "0000", "a".repeat(28), "u".repeat(28), "0".repeat(101), "💥".repeat(28)])(
    "are not %j",
    (typed) => expect(parseCode(typed)).toBeUndefined(),
  );

  it("parse never throws", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (typed) => parseCode(typed) === undefined));
  });

  it("are hashed with SHA-256 for the store", () => {
    expect(hashCode("x")).toBe("LXEWQrcmsEQBYnyp-6wy9chTD7GQPMTbAiWHF5IaSIE");
  });
});
