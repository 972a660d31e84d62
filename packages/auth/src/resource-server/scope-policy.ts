import { createGlob, type Glob } from "../core/glob.js";
import type { McpCall } from "../core/mcp-call.js";
import type { Policy, Rule } from "../core/policy.js";
import { normaliseResourcePattern } from "../core/resource-uri.js";
import { createScopeHierarchy } from "../core/scope.js";

export interface ScopePolicyOptions {
  /**
   * scope → what it permits. Globs over `tools/<name>`, `prompts/<name>` and `resources/<uri>`: `*` does not cross `/`, `**` does. Only what
   * is mapped exists; `includes` names scopes that this one amounts to as well.
   */
  readonly scopes: Readonly<
    Record<string, { readonly allow?: readonly string[]; readonly includes?: readonly string[] }>
  >;
  /** Further rules, judged after the scopes; default none. */
  readonly rules?: readonly Rule[];
}

export interface ScopePolicy extends Policy {
  /** Every scope there is, in the order of the options. */
  readonly scopes: readonly string[];
}

/** Kind of call → the first segment of what its globs are matched against. */
const NAMESPACES: Readonly<Partial<Record<McpCall["kind"], string>>> = {
  tool: "tools/",
  prompt: "prompts/",
  resource: "resources/",
};
const ROOTED = new RegExp(`^(?:${Object.values(NAMESPACES).join("|")})`);

/**
 * A policy that is a table of scopes. Calls of the protocol itself (initialize, ping, lists, …) need any one of them.
 * @throws TypeError for an unknown or cyclic `includes`, or a glob that begins with none of the three kinds.
 */
export function scopePolicy({ scopes, rules = [] }: ScopePolicyOptions): ScopePolicy {
  const names = Object.keys(scopes);
  const entries = Object.entries(scopes);
  for (const [scope, { includes = [] }] of entries) {
    const missing = includes.find((name) => !Object.hasOwn(scopes, name));
    if (missing !== undefined) throw new TypeError(`scopePolicy: ${scope} includes ${missing}, which does not exist.`);
  }
  const hierarchy = createScopeHierarchy(
    Object.fromEntries(entries.map(([scope, { includes = [] }]) => [scope, includes])),
  );
  const size = (scope: string): number => hierarchy.get(scope)?.length ?? 1;
  // Least first: what includes less is asked for first. The sort is stable, so that among equals the order of the options counts.
  const leastFirst = [...names].sort((one, other) => size(one) - size(other));
  const rows = leastFirst.map((scope) => ({ scope, globs: (scopes[scope]?.allow ?? []).map(parsePattern) }));
  return {
    hierarchy,
    rules,
    scopes: names,
    permittedBy: (call) => {
      if (call.kind === "protocol") return leastFirst;
      const namespace = NAMESPACES[call.kind];
      if (namespace === undefined || call.name === undefined) return [];
      const target = namespace + call.name;
      return rows.filter(({ globs }) => globs.some((glob) => glob.matches(target))).map(({ scope }) => scope);
    },
  };
}

function parsePattern(pattern: string): Glob {
  if (!ROOTED.test(pattern)) {
    throw new TypeError(`scopePolicy: ${JSON.stringify(pattern)} does not begin with tools/, prompts/ or resources/.`);
  }
  const slash = pattern.indexOf("/") + 1;
  const rest = pattern.slice(slash);
  return createGlob(pattern.startsWith("resources/") ? `resources/${normaliseResourcePattern(rest)}` : pattern);
}
