import { OAuthError } from "./oauth-error.js";
import { quote } from "./quote.js";

/** scope → every scope it includes, itself too, transitively closed when it is made. Scopes without an entry include only themselves. */
export type ScopeHierarchy = ReadonlyMap<string, readonly string[]>;

/** RFC 6749 §3.3: `scope-token = 1*( %x21 / %x23-5B / %x5D-7E )`. */
const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/**
 * RFC 6749 §3.3: space-separated tokens, duplicates dropped, order kept. `""` is no scope at all, as in a token that was granted none.
 * Does not check that any of them exists. @throws OAuthError `scope_malformed`, also for leading, trailing and double spaces.
 */
export function parseScope(value: string): readonly string[] {
  if (value === "") return [];
  const tokens = value.split(" ");
  if (!tokens.every(isScopeToken)) throw new OAuthError("scope_malformed", { detail: quote(value) });
  return [...new Set(tokens)];
}

/** The inverse of {@link parseScope}; duplicates dropped. @throws TypeError for a malformed scope name. */
export function formatScope(scopes: Iterable<string>): string {
  const unique = [...new Set(scopes)];
  const malformed = unique.find((scope) => !isScopeToken(scope));
  if (malformed !== undefined) throw new TypeError(`malformed scope ${quote(malformed)}`);
  return unique.join(" ");
}

export function isScopeToken(value: string): boolean {
  return SCOPE_TOKEN.test(value);
}

/** Closes direct `includes` transitively. @throws TypeError for a cycle or a malformed scope name. */
export function createScopeHierarchy(includes: Readonly<Record<string, readonly string[]>>): ScopeHierarchy {
  return closeScopes(new Map(Object.entries(includes)));
}

/** The same for a map. */
export function closeScopes(direct: ReadonlyMap<string, readonly string[]>): ScopeHierarchy {
  const closed = new Map<string, readonly string[]>();
  const close = (scope: string, path: readonly string[]): readonly string[] => {
    if (!isScopeToken(scope)) throw new TypeError(`malformed scope ${quote(scope)}`);
    if (path.includes(scope)) throw new TypeError(`scopes include each other: ${[...path, scope].join(" > ")}`);
    const known = closed.get(scope);
    if (known !== undefined) return known;
    const parts = direct.get(scope) ?? [];
    // Most scopes include no other.
    const all =
      parts.length === 0 ? [scope] : [...new Set([scope, ...parts.flatMap((part) => close(part, [...path, scope]))])];
    closed.set(scope, all);
    return all;
  };
  for (const scope of direct.keys()) close(scope, []);
  return closed;
}

/** All scopes that `scopes` amount to under the hierarchy. */
export function expandScopes(hierarchy: ScopeHierarchy, scopes: Iterable<string>): ReadonlySet<string> {
  const all = new Set<string>();
  for (const scope of scopes) {
    all.add(scope);
    for (const included of hierarchy.get(scope) ?? []) all.add(included);
  }
  return all;
}
