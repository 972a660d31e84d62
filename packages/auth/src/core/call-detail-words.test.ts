import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeCallDetail, showJson } from "./call-detail-words.js";
import type { AskedCallDetail } from "./call-details.js";

const wordsOf = (change: Partial<AskedCallDetail>) => {
  const { often, conditions, others } = describeCallDetail({ type: "mcp_call", tools: ["refund"], ...change });
  return [often, ...conditions.map(({ name, words }) => `${name}: ${words}`), others];
};

describe("a detail in words", () => {
  it.each<[Partial<AskedCallDetail>, readonly string[]]>([
    [{}, ["as often as it likes", "with any arguments"]],
    [{ once: true, arguments: {} }, ["once", "without arguments"]],
    [
      { once: true, arguments: { order: "A-1", amount: 50 } },
      ["once", 'order: "A-1"', "amount: 50", "and no other arguments"],
    ],
    [
      { limits: { a: { max: 1 }, b: { min: 1 }, c: { min: 1, max: 2 } }, other_arguments: true },
      ["as often as it likes", "a: at most 1", "b: at least 1", "c: from 1 to 2", "and any other arguments"],
    ],
    [
      { limits: { a: { one_of: ["x", 1, null] }, b: { one_of: ["y"] } } },
      ["as often as it likes", 'a: one of "x", 1, null', 'b: "y"', "and no other arguments"],
    ],
  ])("%j", (change, words) => {
    expect(wordsOf(change)).toEqual(words);
  });

  it("shows every value whole, with nothing invisible in it", () => {
    expect(showJson("a\u202eb\u200bc\u00a0d\u2028")).toBe('"a\\u202eb\\u200bc\\u00a0d\\u2028"');
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false } as never), (value) => {
        const shown = showJson(value as never);
        expect(JSON.parse(shown)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(shown).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
      }),
    );
  });
});
