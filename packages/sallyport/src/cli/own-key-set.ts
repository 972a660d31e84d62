import { type KeySet, localKeySet, type SigningKeys } from "@sallyport/auth";

/** Seconds between two looks at the store for a key that is not known: a forged `kid` must not cost a query each. */
const COOL_DOWN = 1;

/**
 * The authorization server's keys for the resource servers of the same program. A key that another process added is found when its first
 * token comes; requests that come while the store is asked wait for the same answer.
 */
export function createOwnKeySet(keys: SigningKeys): KeySet {
  let known: KeySet = localKeySet({ keys: [] });
  let looked = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> | undefined;
  const look = async () => {
    known = localKeySet({ keys: await keys.publicKeys() });
  };
  return {
    find(header, now) {
      const found = known.find(header, now);
      if (found !== undefined) return found;
      if (looking === undefined) {
        if (now - looked < COOL_DOWN) return undefined;
        looked = now;
        looking = look().finally(() => {
          looking = undefined;
        });
      }
      return looking.then(() => known.find(header, now));
    },
  };
}
