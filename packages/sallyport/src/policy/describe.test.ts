import type { Policy } from "@sallyport/auth";
import { expect, test } from "vitest";
import { describeResource } from "./describe.js";

const policy = { hierarchy: new Map(), permittedBy: () => ["mcp:read"] } as unknown as Policy;
const about = (tools: readonly string[], scopes = {}) =>
  describeResource({
    ...{ resource: "https://mcp.example/mcp", name: "crm", policy, baseline: ["mcp:read"] },
    catalogue: { entries: () => tools.map((tool) => ({ tool }) as never) },
    ...scopes,
  }).scopes.map(({ scope, tools: names, expected }) => [scope, names, expected]);
const SCOPES = {
  scopes: { "mcp:read": { allow: ["tools/get_*", "resources/**", "tools/search_*"] }, "mcp:write": { includes: [] } },
};

test("while no tool of a server is known, a scope says which names it would allow, and that nothing is known", () => {
  expect(about([])).toEqual([
    ["mcp:read", ["resources", "prompts"], []],
    ["mcp:write", [], []],
  ]);
  expect(about([], SCOPES)).toEqual([
    ["mcp:read", ["resources"], ["get_*", "search_*"]],
    ["mcp:write", [], []],
  ]);
});

test("once they are known they are named, and no pattern takes their place", () => {
  expect(about(["get_customer"], SCOPES)).toEqual([
    ["mcp:read", ["get_customer", "resources"], undefined],
    ["mcp:write", [], undefined],
  ]);
});

test("the policy is asked once for each tool, however often somebody looks, and not at all where nobody does", () => {
  let asked = 0;
  const permittedBy = () => {
    asked += 1;
    return ["mcp:read"];
  };
  const { scopes } = describeResource({
    ...{ resource: "https://mcp.example/mcp", name: "crm", baseline: ["mcp:read"] },
    policy: { ...policy, permittedBy },
    catalogue: { entries: () => ["get_customer", "update_customer"].map((tool) => ({ tool }) as never) },
  });
  expect(asked).toBe(0);
  for (let looks = 0; looks < 3; looks++) {
    expect(scopes.map(({ tools }) => tools)).toEqual([["get_customer", "update_customer", "resources", "prompts"], []]);
  }
  expect(asked).toBe(2);
});
