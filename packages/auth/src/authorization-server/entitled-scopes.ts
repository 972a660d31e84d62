import { closeScopes, expandScopes, type ScopeHierarchy } from "../core/scope.js";
import type { ResourceDescription } from "./contract.js";

/** How the scopes of a resource include each other. */
export function hierarchyOf(description: ResourceDescription): ScopeHierarchy {
  return closeScopes(new Map(description.scopes.map(({ scope, includes }) => [scope, includes])));
}

/**
 * What is left of `scopes` under a ceiling, order kept: those the ceiling holds; of the others, the included ones that it holds and
 * that are not there anyway. So a grant of `mcp:write` shrinks to `mcp:read` where only that is still allowed.
 */
export function limitScopes(
  hierarchy: ScopeHierarchy,
  scopes: readonly string[],
  ceiling: readonly string[],
): readonly string[] {
  const allowed = expandScopes(hierarchy, ceiling);
  if (scopes.every((scope) => allowed.has(scope))) return scopes;
  const kept = scopes.filter((scope) => allowed.has(scope));
  const covered = new Set(expandScopes(hierarchy, kept));
  const rest = scopes.flatMap((scope) => (allowed.has(scope) ? [] : (hierarchy.get(scope) ?? [])));
  for (const scope of rest) {
    if (!allowed.has(scope) || covered.has(scope)) continue;
    kept.push(scope);
    for (const included of expandScopes(hierarchy, [scope])) covered.add(included);
  }
  return kept;
}
