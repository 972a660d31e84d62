import { expect, test } from "vitest";
import { TEST_NOW as NOW } from "./records.contract.js";
import { race, type Store } from "./under-test.contract.js";

export function describeReplay(store: Store): void {
  test("a key is recorded once until it expires", async () => {
    expect(await store().replay.record("jti", "a", NOW + 10, NOW)).toBe(true);
    expect(await store().replay.record("jti", "a", NOW + 99, NOW + 9)).toBe(false);
    expect(await store().replay.record("jti", "a", NOW + 99, NOW + 10)).toBe(true);
  });

  test("kinds and keys are separate, however they are spelled", async () => {
    const pairs = [
      ["jti", "a"],
      ["jti", "b"],
      ["dpop", "a"],
      ["jt", "ia"],
      ["", "jtia"],
      ["jti", ""],
    ] as const;
    for (const [kind, key] of pairs) expect(await store().replay.record(kind, key, NOW + 10, NOW)).toBe(true);
  });

  test("of several concurrent records of one key exactly one is the first", async () => {
    const first = await race(8, () => store().replay.record("jti", "a", NOW + 10, NOW));
    expect(first.filter(Boolean)).toHaveLength(1);
  });
}
