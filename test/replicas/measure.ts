import { setTimeout as pause } from "node:timers/promises";

/** Every process refuses what was ended within this time. */
export const BOUND_MS = 2_000;
const POLL_MS = 25;

/** Asks until the answer is `wanted`. @returns milliseconds since `from`; fails when it takes longer than `limitMs`. */
export async function until(
  from: number,
  limitMs: number,
  ask: () => Promise<boolean>,
  what = "the awaited answer",
): Promise<number> {
  for (;;) {
    if (await ask()) return performance.now() - from;
    if (performance.now() - from > limitMs) throw new Error(`${what} did not come within ${limitMs} ms`);
    await pause(POLL_MS);
  }
}

export function summary(values: readonly number[]): { median: number; p99: number; max: number } {
  const sorted = [...values].sort((one, other) => one - other);
  const at = (share: number) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return { median: at(0.5), p99: at(0.99), max: at(1) };
}
