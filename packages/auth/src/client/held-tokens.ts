import type { Awaitable } from "../oauth/awaitable.js";
import type { System } from "../system.js";

/** Something that is good until a second. */
export interface Expiring {
  /** Integer seconds since the epoch; `undefined`: nobody knows. */
  readonly expires: number | undefined;
}

export interface HeldTokensOptions {
  readonly system: Pick<System, "now">;
  /** Tokens kept; the oldest goes first. Default 10,000. */
  readonly size?: number;
}

export interface HeldTokens<T extends Expiring, Owner> {
  /**
   * At once while one is kept under `key` that is good for some time; else one request, whoever asks meanwhile. What fails is not kept:
   * the next one asks again. `until`: the second in which the token it was made from ends; nothing is kept beyond.
   */
  get(key: string, from: { readonly until: number; readonly owner: Owner }, fetch: () => Promise<T>): Awaitable<T>;
  /** Takes one back that was refused, if it is still the one that is kept. */
  drop(key: string, refused: T): void;
  /** Forgets what belongs to these owners; what is being fetched for them is not kept. */
  forget(isEnded: (owner: Owner) => boolean): void;
  readonly size: number;
}

/** Seconds of life that a token must have left to be sent: it has to arrive. */
const MARGIN = 30;
/** Seconds for which a token without a known end is kept. */
const UNKNOWN_LIFETIME = 60;

interface Entry<T, Owner> {
  readonly owner: Owner;
  readonly value: T;
  readonly until: number;
}

interface Flight<T, Owner> {
  readonly owner: Owner;
  readonly result: Promise<T>;
  forgotten: boolean;
}

/** Tokens that were fetched, kept until shortly before they end. One flight for each key; nothing that failed is kept. */
export function createHeldTokens<T extends Expiring, Owner>(options: HeldTokensOptions): HeldTokens<T, Owner> {
  const { system, size = 10_000 } = options;
  const entries = new Map<string, Entry<T, Owner>>();
  const flights = new Map<string, Flight<T, Owner>>();

  const keep = (key: string, entry: Entry<T, Owner>) => {
    if (system.now() >= entry.until) return;
    if (entries.size >= size) sweep();
    entries.set(key, entry);
  };
  /** What is over goes first; where everything still lives, the oldest tenth. */
  const sweep = () => {
    const now = system.now();
    for (const [key, { until }] of entries) if (now >= until) entries.delete(key);
    let surplus = entries.size - Math.floor(size * 0.9);
    for (const key of entries.keys()) if (surplus-- > 0) entries.delete(key);
  };
  const fly = (key: string, from: { readonly until: number; readonly owner: Owner }, fetch: () => Promise<T>) => {
    const flight: Flight<T, Owner> = { ...from, forgotten: false, result: fetch().then(land).finally(end) };
    function land(value: T): T {
      const now = system.now();
      const { expires = now + UNKNOWN_LIFETIME } = value;
      // A short life is not all margin.
      const until = Math.min(expires - Math.min(MARGIN, Math.ceil((expires - now) / 4)), from.until);
      if (!flight.forgotten) keep(key, { owner: from.owner, value, until });
      return value;
    }
    function end(): void {
      flights.delete(key);
    }
    flights.set(key, flight);
    return flight.result;
  };

  return {
    get size() {
      return entries.size;
    },
    get(key, from, fetch) {
      const known = entries.get(key);
      if (known !== undefined && system.now() < known.until) return known.value;
      if (known !== undefined) entries.delete(key);
      return flights.get(key)?.result ?? fly(key, from, fetch);
    },
    drop(key, refused) {
      if (entries.get(key)?.value === refused) entries.delete(key);
    },
    forget(isEnded) {
      for (const [key, { owner }] of entries) if (isEnded(owner)) entries.delete(key);
      for (const flight of flights.values()) if (isEnded(flight.owner)) flight.forgotten = true;
    },
  };
}
