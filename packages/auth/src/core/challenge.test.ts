import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Challenge, formatChallenge, parseChallenges } from "./challenge.js";

interface Vector {
  readonly description: string;
  readonly input: string;
  readonly expected?: readonly Challenge[];
}
const path = new URL("../../../../test/vectors/challenge.json", import.meta.url);
const vectors: readonly Vector[] = JSON.parse(readFileSync(path, "utf8"));

const characters = (text: string) => fc.constantFrom(...text);
const letters = "abcdefghijklmnopqrstuvwxyz0123456789";
const token = fc.string({ unit: characters(`${letters}!#$%&'*+-.^_\`|~`), minLength: 1, maxLength: 8 });
const scheme = fc.string({ unit: characters(`${letters}ABC-`), minLength: 1, maxLength: 8 });
const ascii = fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)) });
const token68 = fc
  .tuple(fc.string({ unit: characters(`${letters}ABC-._~+/`), minLength: 1 }), characters("012"))
  .map(([text, padding]) => text + "=".repeat(Number(padding)));
const challenge: fc.Arbitrary<Challenge> = fc.oneof(
  fc.record({ scheme, token68, parameters: fc.constant({}) }),
  fc.record({ scheme, parameters: fc.dictionary(token, ascii, { maxKeys: 5 }) }),
);

describe("parseChallenges", () => {
  it.each(vectors.filter((vector) => vector.expected))("reads $description", ({ input, expected }) => {
    expect(parseChallenges(input)).toEqual(expected);
  });

  it.each(vectors.filter((vector) => !vector.expected))("refuses $description, naming the position", ({ input }) => {
    expect(() => parseChallenges(input)).toThrow(/^WWW-Authenticate: expected .* at position [0-9]+$/);
    expect(() => parseChallenges(input)).toThrow(SyntaxError);
  });

  it("has the duplicate's own position in the error", () => {
    expect(() => parseChallenges("Bearer a=1, a=2")).toThrow("position 12");
  });

  it("gives back what was formatted, also several challenges in one value", () => {
    fc.assert(
      fc.property(fc.array(challenge, { minLength: 1, maxLength: 4 }), (challenges) => {
        expect(parseChallenges(challenges.map(formatChallenge).join(", "))).toEqual(challenges);
      }),
    );
  });

  it("throws nothing but SyntaxError, and what it accepts it accepts again when formatted", () => {
    const soup = fc.string({ unit: fc.oneof(characters('abB=,"\\ \t'), fc.string({ minLength: 1, maxLength: 1 })) });
    fc.assert(
      fc.property(soup, (text) => {
        let parsed: readonly Challenge[];
        try {
          parsed = parseChallenges(text);
        } catch (error) {
          expect(error).toBeInstanceOf(SyntaxError);
          return;
        }
        expect(parseChallenges(parsed.map(formatChallenge).join(", "))).toEqual(parsed);
      }),
      { numRuns: 2000 },
    );
  });

  it("reads long values in linear time", () => {
    const started = performance.now();
    expect(() => parseChallenges(`Bearer ${"=".repeat(50_000)}`)).toThrow(SyntaxError);
    expect(() => parseChallenges(`Bearer ${"a".repeat(200_000)} b`)).toThrow(SyntaxError);
    expect(() => parseChallenges(`Bearer a="${"\\a".repeat(100_000)}`)).toThrow(SyntaxError);
    expect(() => parseChallenges(`Bearer a${" ".repeat(200_000)}b`)).toThrow(SyntaxError);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe("formatChallenge", () => {
  it("quotes and escapes every value", () => {
    const parameters = { error: "insufficient_scope", error_description: 'a "quoted" \\ word' };
    expect(formatChallenge({ scheme: "Bearer", parameters })).toBe(
      'Bearer error="insufficient_scope", error_description="a \\"quoted\\" \\\\ word"',
    );
  });

  it.each([
    ["a line break in a value", { scheme: "Bearer", parameters: { a: "b\r\nSet-Cookie: c" } }],
    ["a value outside ASCII", { scheme: "Bearer", parameters: { a: "é" } }],
    ["a control character", { scheme: "Bearer", parameters: { a: "\u0000" } }],
    ["a scheme that is no token", { scheme: "Bea rer", parameters: {} }],
    ["an empty scheme", { scheme: "", parameters: {} }],
    ["a name that is no token", { scheme: "Bearer", parameters: { "a b": "c" } }],
    ["one name in two cases", { scheme: "Bearer", parameters: { a: "1", A: "2" } }],
    ["a malformed token68", { scheme: "Negotiate", token68: "a b", parameters: {} }],
    ["token68 beside parameters", { scheme: "Negotiate", token68: "ab", parameters: { a: "1" } }],
  ])("refuses %s", (_, broken) => {
    expect(() => formatChallenge(broken)).toThrow(TypeError);
  });
});
