import { describe, expect, test } from "vitest";
import { entitledScopes } from "./entitlement.js";

const alice = { name: "alice", roles: ["support"], owner: false, disabled: false };
const scopes = ["mcp:read", "mcp:write"];
const access = [
  { roles: ["support"], scopes: ["mcp:read"] },
  { users: ["bob"], scopes: ["mcp:read", "mcp:write"] },
];

const table: readonly (readonly [
  who: string,
  input: Parameters<typeof entitledScopes>[0],
  expected: readonly string[],
])[] = [
  ["nobody", { user: undefined, scopes, access, allowed: scopes }, []],
  ["somebody without an entry", { user: { ...alice, roles: [] }, scopes, access, allowed: [] }, []],
  ["somebody with the role", { user: alice, scopes, access, allowed: [] }, ["mcp:read"]],
  ["somebody named", { user: { ...alice, name: "bob", roles: [] }, scopes, access, allowed: [] }, scopes],
  [
    "somebody allowed by the operator",
    { user: { ...alice, roles: [] }, scopes, access: undefined, allowed: ["mcp:write"] },
    ["mcp:write"],
  ],
  [
    "somebody allowed a scope that is gone",
    { user: alice, scopes: ["mcp:read"], access, allowed: ["mcp:write"] },
    ["mcp:read"],
  ],
  ["the owner", { user: { ...alice, owner: true, roles: [] }, scopes, access: undefined, allowed: [] }, scopes],
  ["a disabled owner", { user: { ...alice, owner: true, disabled: true }, scopes, access, allowed: scopes }, []],
];

describe("the entitlement", () => {
  test.each(table)("of %s", (_, input, expected) => {
    expect(entitledScopes(input)).toEqual(expected);
  });
});
