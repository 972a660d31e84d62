import { describe, expect, it } from "vitest";
import type { JsonObject } from "./mcp-call.js";
import type { HeaderLookup } from "./mcp-header-value.js";
import { checkParamHeaders } from "./mcp-param-headers.js";

const schema: JsonObject = {
  type: "object",
  properties: {
    region: { type: "string", "x-mcp-header": "Region" },
    count: { type: "integer", "x-mcp-header": "Count" },
    dry: { type: "boolean", "x-mcp-header": "Dry" },
    plain: { type: "string" },
    nested: { type: "object", properties: { tenant: { type: "string", "x-mcp-header": "Tenant" } } },
    list: { type: "array", items: { type: "string", "x-mcp-header": "Item" } },
  },
  anyOf: [{ properties: { other: { type: "string", "x-mcp-header": "Other" } } }],
};

function check(args: JsonObject | undefined, headers: Record<string, string | readonly string[]>, of = schema): void {
  const header: HeaderLookup = (name) => headers[name];
  const params: JsonObject = args === undefined ? { name: "t" } : { name: "t", arguments: args };
  checkParamHeaders({ type: "request", id: 7, method: "tools/call", params }, of, header);
}

describe("Mcp-Param headers (R-148, R-150)", () => {
  it.each<[string, JsonObject | undefined, Record<string, string>]>([
    ["nothing sent, nothing mirrored", {}, {}],
    ["no arguments at all", undefined, {}],
    ["a string", { region: "eu" }, { "mcp-param-region": "eu" }],
    ["an encoded string", { region: "zürich" }, { "mcp-param-region": "=?base64?esO8cmljaA==?=" }],
    ["an integer", { count: 42 }, { "mcp-param-count": "42" }],
    ["an integer, compared numerically", { count: 42 }, { "mcp-param-count": "42.0" }],
    ["a negative integer", { count: -1 }, { "mcp-param-count": "-1" }],
    ["a boolean", { dry: false }, { "mcp-param-dry": "false" }],
    ["a nested property", { nested: { tenant: "a" } }, { "mcp-param-tenant": "a" }],
    ["null, which is not mirrored", { region: null }, {}],
    ["a property without annotation", { plain: "x" }, {}],
    ["an unknown header, which has to pass", { plain: "x" }, { "mcp-param-unknown": "y" }],
    ["an annotation under items, which does not count", { list: ["x"] }, {}],
    ["an annotation under anyOf, which does not count", { other: "x" }, {}],
    ["a value against the schema, for the server to refuse", { region: { a: 1 } }, {}],
  ])("pass: %s", (_, args, headers) => {
    expect(() => check(args, headers)).not.toThrow();
  });

  it.each<[string, JsonObject | undefined, Record<string, string | readonly string[]>]>([
    ["another value", { region: "eu" }, { "mcp-param-region": "us" }],
    ["another case", { region: "eu" }, { "mcp-param-region": "EU" }],
    ["no header", { region: "eu" }, {}],
    ["no header for an empty string", { region: "" }, {}],
    ["a header without argument", {}, { "mcp-param-region": "eu" }],
    ["a header without any arguments", undefined, { "mcp-param-region": "eu" }],
    ["a header for null", { region: null }, { "mcp-param-region": "null" }],
    ["another number", { count: 42 }, { "mcp-param-count": "43" }],
    ["a number in hexadecimal", { count: 26 }, { "mcp-param-count": "0x1a" }],
    ["a number with an exponent", { count: 1000 }, { "mcp-param-count": "1e3" }],
    ["an empty number", { count: 0 }, { "mcp-param-count": "" }],
    ["a string that only looks like the number", { region: "042" }, { "mcp-param-region": "42" }],
    ["another boolean", { dry: true }, { "mcp-param-dry": "1" }],
    ["another nested value", { nested: { tenant: "a" } }, { "mcp-param-tenant": "b" }],
    ["a header twice", { region: "eu" }, { "mcp-param-region": ["eu", "us"] }],
    ["broken base64", { region: "eu" }, { "mcp-param-region": "=?base64?x?=" }],
  ])("refuse: %s", (_, args, headers) => {
    expect(() => check(args, headers)).toThrow(
      expect.objectContaining({ status: 400, code: -32020, options: { id: 7 } }),
    );
  });

  it("do not follow inherited names", () => {
    const odd: JsonObject = { properties: { constructor: { type: "string", "x-mcp-header": "C" } } };
    expect(() => check({}, {}, odd)).not.toThrow();
  });
});
