import { describe, expect, test } from "vitest";
import type { McpCall } from "../core/mcp-call.js";
import { type ScopePolicyOptions, scopePolicy } from "./scope-policy.js";

const call = (kind: McpCall["kind"], name?: string): McpCall => ({
  server: "",
  revision: "2025-11-25",
  method: "m",
  kind,
  name,
  arguments: undefined,
});

describe("a policy of scopes", () => {
  const policy = scopePolicy({
    scopes: {
      all: { includes: ["write"], allow: ["tools/drop"] },
      write: { includes: ["read"], allow: ["tools/set_*", "tools/get_secret"] },
      read: { allow: ["tools/get_*", "prompts/*", "resources/File:///Docs/**"] },
      other: { allow: ["tools/set_color"] },
    },
  });

  const cases: readonly [call: McpCall, scopes: readonly string[]][] = [
    [call("tool", "get_a"), ["read"]],
    [call("tool", "get_secret"), ["read", "write"]],
    [call("tool", "set_color"), ["other", "write"]],
    [call("tool", "drop"), ["all"]],
    [call("tool", "get_a/b"), []],
    [call("tool", "none"), []],
    [call("tool", "prompts/x"), []],
    [call("prompt", "get_a"), ["read"]],
    [call("resource", "file:///Docs/a/b"), ["read"]],
    [call("resource", "file:///docs/a"), []],
    [call("task", "t"), []],
    [call("tool", undefined), []],
    [call("protocol"), ["read", "other", "write", "all"]],
  ];
  test.each(cases)("permits %o by the scopes that map it, least first", (asked, scopes) => {
    expect(policy.permittedBy(asked)).toEqual(scopes);
  });

  test("knows its scopes, and what they amount to (R-18)", () => {
    expect(policy.scopes).toEqual(["all", "write", "read", "other"]);
    expect(policy.hierarchy.get("all")).toEqual(["all", "write", "read"]);
  });

  test("that is empty permits nothing", () => {
    expect(scopePolicy({ scopes: {} }).permittedBy(call("protocol"))).toEqual([]);
  });

  const misuse: readonly [title: string, scopes: ScopePolicyOptions["scopes"], message: RegExp][] = [
    ["a scope that does not exist is included", { a: { includes: ["b"] } }, /does not exist/],
    ["scopes include each other", { a: { includes: ["b"] }, b: { includes: ["a"] } }, /include each other/],
    ["a glob has no kind", { a: { allow: ["get_*"] } }, /tools\//],
    ["a glob spans kinds", { a: { allow: ["**"] } }, /tools\//],
    ["a scope is no scope", { "a b": {} }, /malformed scope/],
  ];
  test.each(misuse)("is not made when %s", (_title, scopes, message) => {
    expect(() => scopePolicy({ scopes })).toThrow(message);
  });
});
