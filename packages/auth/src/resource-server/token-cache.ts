import type { Principal } from "../core/principal.js";
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
  find(token: string, now: number): CachedToken | undefined;
  add(token: string, entry: CachedToken): void;
  clear(): void;
}

/** Characters that a token has on average at most: many that are longer fill the cache before there are `size` of them. */
const MEAN_LENGTH = 1_024;
/** Characters: of an ES256 signature the last 256 bits. Hashing these costs a tenth of what hashing a whole token does. */
const TAIL = 43;

/**
 * Verified tokens, found by their last characters and then compared whole: two that end alike would take turns, and cost a verification each
 * time. Bounded; the oldest entry goes first, which costs nothing per hit and cannot be provoked, because only verified tokens enter.
 */
export function createTokenCache(size: number): TokenCache {
  const entries = new Map<string, { readonly token: string; readonly entry: CachedToken }>();
  let characters = 0;
  const remove = (tail: string) => {
    characters -= entries.get(tail)?.token.length ?? 0;
    entries.delete(tail);
  };
  return {
    find: (token, now) => {
      const tail = token.slice(-TAIL);
      const found = entries.get(tail);
      if (found === undefined || found.token !== token) return undefined;
      if (now < found.entry.until) return found.entry;
      remove(tail);
      return undefined;
    },
    clear: () => {
      entries.clear();
      characters = 0;
    },
    add: (token, entry) => {
      const tail = token.slice(-TAIL);
      remove(tail);
      for (const oldest of entries.keys()) {
        if (entries.size < size && characters + token.length <= size * MEAN_LENGTH) break;
        remove(oldest);
      }
      entries.set(tail, { token, entry });
      characters += token.length;
    },
  };
}
