import { type System, system } from "../system.js";

/** A {@link System} whose clock stands still until it is told to move, and that keeps its log. */
export interface TestSystem extends System {
  /** Moves both clocks. */
  advance(seconds: number): void;
  readonly lines: readonly { readonly level: string; readonly message: string; readonly fields?: unknown }[];
}

export function createTestSystem(start = 1_800_000_000): TestSystem {
  const lines: TestSystem["lines"][number][] = [];
  let elapsed = 0;
  return {
    now: () => start + elapsed,
    monotonicMs: () => elapsed * 1000,
    randomBytes: system.randomBytes,
    log: (level, message, fields) => lines.push({ level, message, fields }),
    advance: (seconds) => {
      elapsed += seconds;
    },
    lines,
  };
}
