import { expect, test } from "vitest";
import { ruleReason, ruleSentence } from "./rule-reason.js";

test.each([
  ["deny rule applies", true, "the condition of this deny rule holds"],
  ["deny rule applies", false, "this deny rule names it and has no condition"],
  ["deny rule applies", undefined, "this deny rule applies"],
  ["deny rule unknown", true, "the condition of this deny rule cannot be told, which denies"],
  ["deny rule failed: no such key", true, "the condition of this deny rule fails, which denies: no such key"],
  ["no allow rule holds", undefined, "an allow rule names it, and no allow rule that does holds"],
  ["what the server asked could not be read", undefined, "what the server asked could not be read"],
] as const)("%s, with a condition %s: %s", (reason, conditional, words) => {
  expect(ruleReason(reason, conditional)).toBe(words);
  expect(ruleSentence({ reason }, conditional)).toBe(words);
  expect(ruleSentence({ reason, because: "No." }, conditional)).toBe(`${words}: “No.”`);
});
