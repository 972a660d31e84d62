import { describe, expect, it } from "vitest";
import { findConfusableKey, foldCase, foldNames } from "./case-folding.js";

describe("foldCase", () => {
  it.each([
    ["Method", "method"],
    ["\u212aey", "key"],
    ["re\u017fult", "result"],
    ["\u0130d", "id"],
    ["\u0131d", "id"],
    ["\u1e9e", "\u00df"],
    ["\u03c2", "\u03c3"],
    ["\u2126", "\u03c9"],
    ["\u{10400}", "\u{10428}"],
  ])("takes %j and %j for one name", (one, other) => {
    expect(foldCase(one)).toBe(foldCase(other));
  });

  it.each([
    ["name", "names"],
    ["id", "1d"],
    ["a", "\u0430"],
    ["e", "\u00e9"],
  ])("tells %j from %j", (one, other) => {
    expect(foldCase(one)).not.toBe(foldCase(other));
  });

  it("agrees with Unicode simple case folding, wherever that finds two characters equal", () => {
    const differing: string[] = [];
    for (let code = 0; code <= 0x1ffff; code++) {
      if (code >= 0xd800 && code <= 0xdfff) continue;
      const character = String.fromCodePoint(code);
      for (const other of new Set([character.toLowerCase(), character.toUpperCase()])) {
        if (other === character || [...other].length !== 1) continue;
        // With both flags a regular expression compares by simple case folding (ECMAScript, Canonicalize).
        const equal = new RegExp(`^\\u{${code.toString(16)}}$`, "iu").test(other);
        if (equal && foldCase(other) !== foldCase(character)) differing.push(character);
      }
    }
    expect(differing).toEqual([]);
  });
});

describe("findConfusableKey", () => {
  const names = foldNames(["method", "taskId"]);
  it.each([
    [["method", "taskId", "other"], undefined],
    [["Method"], "Method"],
    [["method", "METHOD"], "METHOD"],
    [["taskid"], "taskid"],
    [["ta\u017fkId"], "ta\u017fkId"],
    [["other", "Other"], "Other"],
    [["\u212a", "k"], "k"],
    [["Other"], undefined],
    [[], undefined],
  ])("in %j is %j", (keys, expected) => {
    expect(findConfusableKey(keys, names)).toBe(expected);
  });
});
