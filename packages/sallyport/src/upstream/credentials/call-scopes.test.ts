import { type McpCall, type Principal, scopePolicy } from "@sallyport/auth";
import { describe, expect, test } from "vitest";
import { mapScopes, scopesOfCalls } from "./call-scopes.js";
import type { CredentialRequest } from "./contract.js";

const policy = scopePolicy({
  scopes: { read: { allow: ["tools/get_*"] }, write: { includes: ["read"], allow: ["tools/set_*", "tools/get_both"] } },
});
const mapping = { read: "crm:read", write: "crm:read crm:write" };

const call = (name: string): McpCall => ({
  ...{ server: "crm", revision: "2026-07-28", method: "tools/call", kind: "tool", arguments: {} },
  name,
});
const asked = (scopes: readonly string[], ...names: readonly string[]): CredentialRequest => ({
  principal: { scopes } as Principal,
  calls: names.map(call),
  method: "POST",
  callerToken: () => "",
});

describe("the scope that goes on", () => {
  test.each<readonly [string, readonly string[], readonly string[], string]>([
    ["is that of the call, whatever else the caller holds", ["write"], ["get_name"], "crm:read"],
    ["is the wider one where the call needs it", ["write"], ["set_name"], "crm:read crm:write"],
    ["is the least of those that would do", ["write"], ["get_both"], "crm:read"],
    ["is all that the calls of one batch need", ["write"], ["get_name", "set_name"], "crm:read crm:write"],
    ["is the least that permits a call which was agreed to alone", [], ["set_name"], "crm:read crm:write"],
    ["is the first one for what needs none", ["read"], [], "crm:read"],
  ])("%s", (_, scopes, names, expected) => {
    expect(mapScopes(mapping, scopesOfCalls(policy, asked(scopes, ...names)))).toBe(expected);
  });

  test("is nothing for a scope that is mapped to nothing, also under a name that every object has", () => {
    for (const scope of ["write", "constructor"]) {
      expect(() => mapScopes({ read: "crm:read" }, [scope])).toThrow(/nothing is mapped/);
    }
  });
});
