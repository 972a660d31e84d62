/** scope → every scope it includes, itself too, transitively closed when it is made. Scopes without an entry include only themselves. */
export type ScopeHierarchy = ReadonlyMap<string, readonly string[]>;

/** RFC 6749 §3.3: space-separated tokens, duplicates dropped, order kept. @throws OAuthError `scope_malformed`. */
export function parseScope(value: string): readonly string[] {
  throw new TypeError(value);
}

export function formatScope(scopes: Iterable<string>): string {
  throw new TypeError(String(scopes));
}

/** Closes direct `includes` transitively. @throws TypeError for a cycle or a malformed scope name. */
export function createScopeHierarchy(includes: Readonly<Record<string, readonly string[]>>): ScopeHierarchy {
  throw new TypeError(String(includes));
}

/** All scopes that `scopes` amount to under the hierarchy. */
export function expandScopes(hierarchy: ScopeHierarchy, scopes: Iterable<string>): ReadonlySet<string> {
  throw new TypeError(String(hierarchy) + String(scopes));
}
