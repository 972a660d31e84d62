import type { JsonObject, JsonValue } from "@sallyport/auth";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatCanonical } from "../sealing/canonical-json.js";
import { hashTool } from "./tool-hash.js";

const tool: JsonObject = {
  name: "t",
  description: "d",
  inputSchema: { type: "object", properties: { a: { type: "string" }, b: { type: "number" } } },
  annotations: { readOnlyHint: true },
};

describe("the hash of a tool", () => {
  test("is the same whatever the order of keys, and whatever else the tool says", () => {
    const schema = { properties: { b: { type: "number" }, a: { type: "string" } }, type: "object" };
    const same = {
      annotations: { readOnlyHint: true },
      title: "new",
      inputSchema: schema,
      description: "d",
      name: "t",
    };
    expect(hashTool(same)).toBe(hashTool(tool));
  });

  const changes: readonly [string, JsonObject][] = [
    ["name", { name: "u" }],
    ["description", { description: "d2" }],
    ["a property of the schema", { inputSchema: { type: "object", properties: { a: { type: "string" }, b: {} } } }],
    ["an annotation", { annotations: { readOnlyHint: true, title: "x" } }],
    ["annotations gone", { annotations: {} }],
  ];
  test.each(changes)("changes with its %s", (_what, change) => {
    expect(hashTool({ ...tool, ...change })).not.toBe(hashTool(tool));
  });

  test("canonical JSON reads back as the same value, and equal values give equal texts", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = formatCanonical(value as JsonObject);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(formatCanonical(JSON.parse(text))).toBe(text);
        expect(formatCanonical(reversed(JSON.parse(text)))).toBe(text);
      }),
    );
  });
});

/** The same value with the members of every object the other way round. */
function reversed(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  );
}
