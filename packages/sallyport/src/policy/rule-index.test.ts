import { createCallGlob } from "@sallyport/auth";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createIndex } from "./rule-index.js";

test("the index finds exactly the rules that match, each once", () => {
  const part = fc.constantFrom("a", "b", "*", "**", "/", "ab");
  const pattern = fc
    .array(part, { minLength: 1, maxLength: 5 })
    .map((parts) => `tools/${parts.join("")}`)
    .filter((text) => !text.includes("***"));
  const rules = fc.array(fc.array(pattern, { minLength: 1, maxLength: 3 }), { maxLength: 8 });
  const target = fc
    .array(fc.constantFrom("a", "b", "/", "*"), { maxLength: 6 })
    .map((parts) => `tools/${parts.join("")}`);
  fc.assert(
    fc.property(rules, target, (all, name) => {
      const made = all.map((texts, id) => ({ id, patterns: texts.map(createCallGlob) }));
      const matching = made.filter(({ patterns }) => patterns.some((one) => one.matches(name)));
      const found = createIndex(made)(name).map(({ id }) => id);
      expect(found.toSorted()).toEqual(matching.map(({ id }) => id));
    }),
    { numRuns: 3000 },
  );
});
