import type { Principal } from "../core/principal.js";
import type { Sha256 } from "../oauth/thumbprint.js";
import type { Authenticated } from "./contract.js";

/** A token that was verified, and what was last made of it. */
export interface CachedToken {
  /** Without roles, and with the scopes as issued. */
  readonly principal: Principal;
  readonly until: number;
  /** The last {@link Authenticated} and the records it was made from, so that equal records cost no allocation. */
  last: { readonly from: readonly unknown[]; readonly who: Authenticated } | undefined;
}

export interface TokenCache {
  /** What stands for a token here: made once for looking and for adding. */
  keyOf(token: string): string;
  find(key: string, now: number): CachedToken | undefined;
  add(key: string, entry: CachedToken): void;
  clear(): void;
}

/**
 * Verified tokens by the SHA-256 of the token when `sha256` answers at once, else by the token itself: a lookup must not wait. Bounded; the
 * oldest entry goes first, which costs nothing per hit and cannot be provoked, because only verified tokens enter.
 */
export function createTokenCache(size: number, sha256: Sha256): TokenCache {
  const entries = new Map<string, CachedToken>();
  const keyOf = typeof sha256("") === "string" ? (token: string) => sha256(token) as string : (token: string) => token;
  return {
    keyOf,
    find: (key, now) => {
      const entry = entries.get(key);
      if (entry === undefined || now < entry.until) return entry;
      entries.delete(key);
      return undefined;
    },
    clear: () => entries.clear(),
    add: (key, entry) => {
      if (entries.size >= size) {
        for (const oldest of entries.keys()) {
          entries.delete(oldest);
          break;
        }
      }
      entries.set(key, entry);
    },
  };
}
