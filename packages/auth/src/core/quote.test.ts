import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quote } from "./quote.js";

describe("quote", () => {
  it.each([
    ["echo", '"echo"'],
    ['a"b\n', '"a\\"b\\n"'],
    ["é\u2028", '"\\u00e9\\u2028"'],
    [undefined, "undefined"],
    [{ a: 1 }, '{"a":1}'],
    ["x".repeat(101), `"${"x".repeat(100)}"…`],
  ])("writes %j as %s", (value, expected) => {
    expect(quote(value)).toBe(expected);
  });

  it("never lets a line break, a control character or anything outside ASCII through", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => /^[\x20-\x7e]*…?$/.test(quote(text))));
  });
});
