import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { changesOf, formatChange, showText, unseenTextOf } from "./tool-changes.js";

const tool = {
  name: "get",
  description: "Gets a thing",
  inputSchema: { type: "object", properties: { id: { type: "string" } }, required: ["id"] },
  annotations: { readOnlyHint: true },
};
const words = (after: object) => changesOf(tool, { ...tool, ...after }).map(formatChange);

describe("what changed about a tool", () => {
  it.each([
    ["nothing", {}, []],
    ["the title alone, which decides nothing", { title: "Get" }, []],
    ["the order of members", { inputSchema: Object.fromEntries(Object.entries(tool.inputSchema).reverse()) }, []],
    ["its description", { description: "Sends it" }, ['description: was "Gets a thing", is "Sends it"']],
    [
      "that it only reads",
      { annotations: {} },
      ["annotations.readOnlyHint: it no longer says that it only reads (removed true)"],
    ],
    [
      "a new argument",
      { inputSchema: { ...tool.inputSchema, properties: { ...tool.inputSchema.properties, to: {} } } },
      ['inputSchema.properties.to: it takes a new argument "to" (added {})'],
    ],
    [
      "what is required",
      { inputSchema: { ...tool.inputSchema, required: [] } },
      ['inputSchema.required: "id" is optional now (was ["id"], is [])'],
    ],
  ])("is told in words: %s", (_, after, lines) => {
    expect(words(after)).toEqual(lines);
  });

  it("is never told with characters that a terminal hides or turns round", () => {
    const text = fc.string({ unit: "binary" });
    fc.assert(
      fc.property(text, text, (before, after) => {
        const lines = changesOf({ name: "x", description: before }, { name: "x", description: after }).map(
          formatChange,
        );
        for (const line of lines) expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      }),
    );
  });
});

describe("text that is not seen", () => {
  it.each([
    ["zero width space", "a\u200bb", "200b"],
    ["right-to-left override", "a\u202eb", "202e"],
    ["tag characters", "a\u{e0041}", "e0041"],
    ["a filler", "a\u3164", "3164"],
    ["a control", "a\u0007", "7"],
    ["a variation selector", "a\u{e0100}", "e0100"],
  ])("is found in descriptions and schemas: %s", (_, text, code) => {
    expect(unseenTextOf({ description: text })).toEqual([{ place: "description", characters: [code] }]);
    const nested = { inputSchema: { properties: { a: { enum: ["x", text] } } } };
    expect(unseenTextOf(nested)).toEqual([{ place: "inputSchema.properties.a.enum[1]", characters: [code] }]);
    expect(unseenTextOf({ [text]: 1 })).toMatchObject([{ characters: [code] }]);
    expect(showText(text)).toContain(`\\u{${code}}`);
  });

  it("is not what people write: line breaks, other scripts, emoji", () => {
    expect(unseenTextOf({ description: "Größe\n\tשלום 数 ❤️" })).toEqual([]);
  });
});
