import { type KeySet, localKeySet, type SigningKeys } from "@sallyport/auth";

/** Seconds between two looks at the store for a key that is not known: a forged `kid` must not cost a query each. */
const COOL_DOWN = 1;

export interface OwnKeySet extends KeySet {
  /** What is known may have been removed: everything is looked up again, also what is being looked up. */
  forget(): void;
}

/**
 * The authorization server's keys for the resource servers of the same program. A key that another process added is found when its first
 * token comes; requests that come while the store is asked wait for the same answer.
 */
export function createOwnKeySet(keys: SigningKeys): OwnKeySet {
  const none = localKeySet({ keys: [] });
  let known: KeySet = none;
  let looked = Number.NEGATIVE_INFINITY;
  let looking: Promise<KeySet> | undefined;
  const look = async () => localKeySet({ keys: await keys.publicKeys() });
  return {
    find(header, now) {
      const found = known.find(header, now);
      if (found !== undefined) return found;
      if (looking === undefined) {
        if (now - looked < COOL_DOWN) return undefined;
        looked = now;
        const current = look();
        looking = current;
        void current.then(
          (set) => {
            if (looking !== current) return;
            known = set;
            looking = undefined;
          },
          () => {
            if (looking === current) looking = undefined;
          },
        );
      }
      return looking.then(() => known.find(header, now));
    },
    forget() {
      known = none;
      looked = Number.NEGATIVE_INFINITY;
      looking = undefined;
    },
  };
}
