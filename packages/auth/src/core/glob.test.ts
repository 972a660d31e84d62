import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createGlob } from "./glob.js";

/** The obvious translation: right, and exponential. */
function naive(pattern: string): RegExp {
  const parts = pattern.match(/\*\*|\*|[^*]+/gs) ?? [];
  const source = parts.map((part) =>
    part === "**" ? ".*" : part === "*" ? "[^/]*" : part.replace(/[.+?^${}()|[\]\\/]/g, "\\$&"),
  );
  return new RegExp(`^${source.join("")}$`, "s");
}

describe("createGlob", () => {
  it.each([
    ["get_customer", "get_customer", true],
    ["get_customer", "get_customers", false],
    ["get_customer", "Get_customer", false],
    ["get_*", "get_", true],
    ["get_*", "get_customer", true],
    ["get_*", "forget_customer", false],
    ["get_*", "get_a/b", false],
    ["get_**", "get_a/b", true],
    ["*", "", true],
    ["*", "a/b", false],
    ["**", "a/b", true],
    ["**", "", true],
    ["*_customer", "get_customer", true],
    ["a*b*c", "axbxbxc", true],
    ["a*b*c", "axb/xc", false],
    ["**/secret/*", "file:///a/secret/b", true],
    ["**/secret/*", "file:///a/secret/b/c", false],
    ["demo://resource/*", "demo://resource/x", true],
    ["demo://resource/*", "demo://resource/x/y", false],
    ["demo://*/x", "demo://resource/x", true],
    ["demo://**", "demo://resource/x/y", true],
    ["a?c", "abc", false],
    ["a?c", "a?c", true],
    ["[ab]", "a", false],
    ["a.c", "abc", false],
    ["a\\*", "a\\b", true],
    ["*", "line\nfeed", true],
    ["a**", "a", true],
    ["*a", "ba\n", false],
  ])("%j on %j: %j", (pattern, text, expected) => {
    expect(createGlob(pattern).matches(text)).toBe(expected);
  });

  it.each([
    ["nothing", ""],
    ["three stars", "a***"],
    ["a control character", "a\nb"],
    ["more than 1,024 characters", "a".repeat(1025)],
  ])("refuses %s", (_, pattern) => {
    expect(() => createGlob(pattern)).toThrow(TypeError);
  });

  it("agrees with the obvious translation to a regular expression", () => {
    const pattern = fc.string({
      unit: fc.constantFrom("*", "**", "/", "a", "b", ".", "😀"),
      minLength: 1,
      maxLength: 9,
    });
    const text = fc.string({ unit: fc.constantFrom("/", "a", "b", ".", "*", "😀"), maxLength: 12 });
    fc.assert(
      fc.property(pattern, text, (glob, value) => {
        fc.pre(!glob.includes("***"));
        expect(createGlob(glob).matches(value)).toBe(naive(glob).test(value));
      }),
      { numRuns: 20_000 },
    );
  });

  it("takes time linear in the text, where backtracking would not end", () => {
    const glob = createGlob(`${"**a*a".repeat(20)}b`);
    const started = performance.now();
    expect(glob.matches("a".repeat(20_000))).toBe(false);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
