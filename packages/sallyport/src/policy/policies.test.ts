import { evaluate, type McpCall, type McpKind, type Policy, type Principal } from "@sallyport/auth";
import { describe, expect, test } from "vitest";
import { createDefaultPolicy } from "./default-policy.js";
import { describeResource } from "./describe.js";
import { createScopesPolicy } from "./scopes-policy.js";

const SCOPES: Readonly<Record<string, string>> = { get: "mcp:read", set: "mcp:write" };
const catalogue = {
  scopeOf: (tool: string) => SCOPES[tool],
  entries: () => Object.keys(SCOPES).map((tool) => ({ tool }) as never),
};

function call(kind: McpKind, name?: string): McpCall {
  return { server: "", revision: "2025-11-25", method: "m", kind, name, arguments: undefined };
}

/** allow, or what is missing, for a token with these scopes of somebody entitled to everything. */
function asked(policy: Policy, scopes: readonly string[], what: McpCall): string {
  const principal = { scopes } as Principal;
  const decision = evaluate(policy, {
    principal,
    entitled: [...policy.hierarchy.keys()],
    call: what,
    request: { method: "POST", remoteAddress: undefined },
    now: 0,
  });
  return decision.outcome === "allow" ? "allow" : `${decision.kind} ${decision.scopes.join(" ")}`.trim();
}

describe("a server without scopes of its own", () => {
  const policy = createDefaultPolicy(catalogue);
  const CASES: readonly [what: McpCall, scopes: readonly string[], answer: string][] = [
    [call("tool", "get"), ["mcp:read"], "allow"],
    [call("tool", "get"), ["mcp:write"], "allow"],
    [call("tool", "set"), ["mcp:read"], "scope mcp:write"],
    [call("tool", "set"), ["mcp:write"], "allow"],
    [call("tool", "never-seen"), ["mcp:write"], "unknown"],
    [call("tool"), ["mcp:write"], "unknown"],
    [call("resource", "demo://a"), ["mcp:read"], "allow"],
    [call("prompt", "p"), ["mcp:read"], "allow"],
    [call("protocol"), ["mcp:read"], "allow"],
    [call("protocol"), [], "scope mcp:read"],
    [call("resource", "demo://a"), ["other"], "scope mcp:read"],
    [call("task", "t"), ["mcp:write"], "unknown"],
  ];
  test.each(CASES)("%o with %j: %s", (what, scopes, answer) => {
    expect(asked(policy, scopes, what)).toBe(answer);
  });
});

describe("a server with scopes of its own", () => {
  const scopes = {
    admin: { includes: ["staff"], allow: ["tools/delete_*"] },
    staff: {
      title: "Work with customers",
      allow: ["tools/get_*", "tools/search_*", "resources/crm://**", "prompts/*"],
    },
    audit: { allow: ["tools/get_log"] },
  };
  const policy = createScopesPolicy({ scopes, baseline: ["staff"] });
  const CASES: readonly [what: McpCall, scopes: readonly string[], answer: string][] = [
    [call("tool", "get_customer"), ["staff"], "allow"],
    [call("tool", "get_customer"), ["admin"], "allow"],
    [call("tool", "get_a/b"), ["admin"], "unknown"],
    [call("tool", "delete_all"), ["staff"], "scope admin"],
    [call("tool", "anything"), ["admin", "audit"], "unknown"],
    [call("tool", "get_log"), ["audit"], "allow"],
    [call("resource", "crm://a/b/c"), ["staff"], "allow"],
    [call("resource", "file:///etc/passwd"), ["staff"], "unknown"],
    [call("prompt", "hello"), ["staff"], "allow"],
    [call("protocol"), ["audit"], "allow"],
    [call("protocol"), [], "scope staff"],
  ];
  test.each(CASES)("%o with %j: %s", (what, granted, answer) => {
    expect(asked(policy, granted, what)).toBe(answer);
  });

  const BROKEN: readonly [string, Parameters<typeof createScopesPolicy>[0]][] = [
    ["includes what is not there", { scopes: { a: { includes: ["b"] } }, baseline: ["a"] }],
    ["includes itself in a circle", { scopes: { a: { includes: ["b"] }, b: { includes: ["a"] } }, baseline: ["a"] }],
    ["has a glob of no kind", { scopes: { a: { allow: ["get_*"] } }, baseline: ["a"] }],
    ["has a baseline that is not there", { scopes: { a: {} }, baseline: ["b"] }],
  ];
  test.each(BROKEN)("that %s is refused at start", (_what, options) => {
    expect(() => createScopesPolicy(options)).toThrow(TypeError);
  });
});

describe("what the consent page says", () => {
  test("names every scope in words, with each tool behind the least scope that permits it", () => {
    const described = describeResource({
      resource: "https://mcp.example/mcp",
      name: "Notes",
      policy: createDefaultPolicy(catalogue),
      catalogue,
      baseline: ["mcp:read"],
    });
    expect(described).toMatchObject({ name: "Notes", baseline: ["mcp:read"] });
    expect(described.scopes.map(({ scope, includes, tools }) => [scope, includes, tools])).toEqual([
      ["mcp:read", [], ["get", "resources", "prompts"]],
      ["mcp:write", ["mcp:read"], ["set"]],
    ]);
    for (const { title, description } of described.scopes) expect([title, description]).not.toContain(undefined);
  });

  test("uses the operator's titles where there are scopes of one's own", () => {
    const scopes = {
      a: { title: "Look", allow: ["tools/get", "resources/**"] },
      b: { includes: ["a"], allow: ["tools/*"] },
    };
    const policy = createScopesPolicy({ scopes, baseline: ["a"] });
    const { scopes: described } = describeResource({
      resource: "r",
      name: "n",
      policy,
      catalogue,
      baseline: ["a"],
      scopes,
    });
    expect(described).toEqual([
      { scope: "a", title: "Look", includes: [], tools: ["get", "resources"] },
      { scope: "b", title: "b", includes: ["a"], tools: ["set"] },
    ]);
  });
});
