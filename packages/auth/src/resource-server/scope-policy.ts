import { createScopeGlob, targetOf } from "../core/call-glob.js";
import type { Policy, Rule } from "../core/policy.js";
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
  const rows = leastFirst.map((scope) => ({ scope, globs: (scopes[scope]?.allow ?? []).map(createScopeGlob) }));
  return {
    hierarchy,
    rules,
    scopes: names,
    permittedBy: (call) => {
      if (call.kind === "protocol") return leastFirst;
      const target = targetOf(call);
      if (target === undefined) return [];
      return rows.filter(({ globs }) => globs.some((glob) => glob.matches(target))).map(({ scope }) => scope);
    },
  };
}
