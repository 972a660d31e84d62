/** So many per key in each window of time. Kept by this process alone: a bound on abuse, not an account of it. */
export interface Quota {
  /** Counts one. Returns 0 when it is within the quota, else the seconds until the next one is. */
  take(key: string, now: number): number;
  /** Counts nothing. Returns 0 when there is one left, else the seconds until there is. */
  wait(key: string, now: number): number;
}

const MAX_KEYS = 10_000;

/** `limit` per `window` seconds. At most 10,000 keys are remembered; the oldest windows are forgotten first. */
export function createQuota(limit: number, window: number): Quota {
  const counts = new Map<string, { started: number; count: number }>();
  return {
    wait(key, now) {
      const { started, count } = counts.get(key) ?? { started: now, count: 0 };
      return count < limit || started + window <= now ? 0 : started + window - now;
    },
    take(key, now) {
      const entry = counts.get(key);
      if (entry === undefined || entry.started + window <= now) {
        counts.delete(key);
        const [oldest] = counts.keys();
        if (counts.size >= MAX_KEYS && oldest !== undefined) counts.delete(oldest);
        counts.set(key, { started: now, count: 1 });
        return limit >= 1 ? 0 : window;
      }
      if (entry.count >= limit) return entry.started + window - now;
      entry.count += 1;
      return 0;
    },
  };
}
