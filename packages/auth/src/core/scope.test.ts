import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createScopeHierarchy, expandScopes, formatScope, parseScope } from "./scope.js";

const scopeToken = fc.string({
  unit: fc
    .integer({ min: 0x21, max: 0x7e })
    .filter((code) => code !== 0x22 && code !== 0x5c)
    .map((code) => String.fromCharCode(code)),
  minLength: 1,
  maxLength: 6,
});

describe("parseScope (RFC 6749 §3.3)", () => {
  it("keeps order and drops duplicates", () => {
    expect(parseScope("mcp:write mcp:read mcp:write")).toEqual(["mcp:write", "mcp:read"]);
  });

  it("reads the empty string as no scope", () => {
    expect(parseScope("")).toEqual([]);
  });

  it.each([" a", "a ", "a  b", "a\tb", "a\nb", 'a"b', "a\\b", "é", "a\u00a0b", "\u0000", " "])(
    "refuses %j",
    (value) => {
      expect(() => parseScope(value)).toThrow(expect.objectContaining({ reason: "scope_malformed", status: 400 }));
    },
  );

  it("is the inverse of formatScope", () => {
    fc.assert(
      fc.property(fc.uniqueArray(scopeToken), (scopes) => {
        expect(parseScope(formatScope(scopes))).toEqual(scopes);
      }),
    );
  });

  it("accepts nothing that it would not write itself, but for duplicates", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", " ", '"', "\\", "\t", "é") });
    fc.assert(
      fc.property(text, (value) => {
        let scopes: readonly string[];
        try {
          scopes = parseScope(value);
        } catch (error) {
          expect(error).toMatchObject({ reason: "scope_malformed" });
          return;
        }
        expect(formatScope(scopes)).toBe([...new Set(value.split(" "))].join(" "));
      }),
    );
  });
});

describe("formatScope", () => {
  it.each(["", "a b", 'a"', "é"])("refuses the scope name %j", (name) => {
    expect(() => formatScope(["a", name])).toThrow(TypeError);
  });
});

describe("createScopeHierarchy", () => {
  it("closes inclusion transitively, itself first", () => {
    const hierarchy = createScopeHierarchy({ admin: ["write"], write: ["read", "list"], read: ["list"] });
    expect(hierarchy.get("admin")).toEqual(["admin", "write", "read", "list"]);
    expect(hierarchy.get("read")).toEqual(["read", "list"]);
  });

  it.each([
    ["a cycle of two", { a: ["b"], b: ["a"] }],
    ["a cycle further down", { a: ["b"], b: ["c"], c: ["d"], d: ["b"] }],
    ["a scope that includes itself", { a: ["a"] }],
    ["a malformed name", { "a b": [] }],
    ["a malformed included name", { a: ["b c"] }],
    ["an empty name", { "": [] }],
  ])("refuses %s", (_, includes) => {
    expect(() => createScopeHierarchy(includes)).toThrow(TypeError);
  });

  it("lets two scopes include the same third", () => {
    expect(createScopeHierarchy({ a: ["b", "c"], b: ["d"], c: ["d"] }).get("a")).toEqual(["a", "b", "d", "c"]);
  });
});

describe("expandScopes (R-18)", () => {
  const hierarchy = createScopeHierarchy({ "mcp:write": ["mcp:read"] });
  it.each([
    [["mcp:write"], ["mcp:write", "mcp:read"]],
    [["mcp:read"], ["mcp:read"]],
    [["other"], ["other"]],
    [[], []],
    [
      ["__proto__", "constructor"],
      ["__proto__", "constructor"],
    ],
  ])("%j amounts to %j", (scopes, all) => {
    expect([...expandScopes(hierarchy, scopes)]).toEqual(all);
  });
});
