import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createScopeHierarchy, expandScopes } from "../core/scope.js";
import { limitScopes } from "./entitled-scopes.js";

const hierarchy = createScopeHierarchy({ admin: ["write"], write: ["read"], read: [], other: [] });

describe("scopes under a ceiling", () => {
  test.each([
    [["read"], ["read"], ["read"]],
    [["write"], ["read"], ["read"]],
    [["read"], ["write"], ["read"]],
    [["admin"], ["read", "other"], ["read"]],
    [["admin"], ["write"], ["write"]],
    [["write", "read"], ["admin"], ["write", "read"]],
    [["write", "other"], ["other"], ["other"]],
    [["write"], [], []],
    [[], ["write"], []],
    [["unheard"], ["write"], []],
  ])("%j under %j is %j", (scopes, ceiling, expected) =>
    expect(limitScopes(hierarchy, scopes, ceiling)).toEqual(expected),
  );

  test("it amounts to exactly what both amount to", () => {
    const some = fc.subarray(["admin", "write", "read", "other"]);
    fc.assert(
      fc.property(some, some, (scopes, ceiling) => {
        const allowed = expandScopes(hierarchy, ceiling);
        const both = [...expandScopes(hierarchy, scopes)].filter((scope) => allowed.has(scope));
        expect([...expandScopes(hierarchy, limitScopes(hierarchy, scopes, ceiling))].sort()).toEqual(both.sort());
      }),
    );
  });
});
