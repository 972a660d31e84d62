import { describe, expect, test } from "vitest";
import { clientScopes, entitledScopes } from "./entitlement.js";

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
  [
    "an owner where the configuration has `access`",
    { user: { ...alice, owner: true, roles: [] }, scopes, access, allowed: [] },
    [],
  ],
  ["a disabled owner", { user: { ...alice, owner: true, disabled: true }, scopes, access, allowed: scopes }, []],
];

describe("the entitlement", () => {
  test.each(table)("of %s", (_, input, expected) => {
    expect(entitledScopes(input)).toEqual(expected);
  });
});

describe("the entitlement of a client for itself", () => {
  const access = [
    { clients: ["worker"], scopes: ["mcp:read", "gone"] },
    { users: ["worker"], roles: ["worker"], scopes: ["mcp:write"] },
  ];

  test.each([
    ["named by `clients`, as far as the scopes exist", "worker", access, ["mcp:read"]],
    ["named nowhere", "other", access, []],
    ["without `access`, whoever the owner is", "worker", undefined, []],
  ])("%s", (_, client_id, given, expected) => {
    expect(clientScopes(client_id, { scopes: ["mcp:read", "mcp:write"], access: given })).toEqual(expected);
  });

  test("a person of the same name has no part in it", () => {
    const user = { name: "worker", roles: [], owner: false, disabled: false };
    const only = [{ clients: ["worker"], scopes: ["mcp:read"] }];
    expect(entitledScopes({ user, scopes: ["mcp:read"], access: only, allowed: [] })).toEqual([]);
  });
});
