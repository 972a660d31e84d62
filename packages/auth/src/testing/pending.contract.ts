import { expect, test } from "vitest";
import { TEST_NOW as NOW, testPending } from "./records.contract.js";
import { race, type Store } from "./under-test.contract.js";

export function describePending(store: Store): void {
  test("a request is found as it was saved, as often as one looks", async () => {
    for (const pending of [testPending(), testPending({ id: "bare", state: undefined, resource: undefined })]) {
      await store().pending.save(pending);
      expect(await store().pending.find(pending.id, NOW)).toEqual(pending);
      expect(await store().pending.find(pending.id, NOW)).toEqual(pending);
    }
  });

  test("consuming takes it away: a second call and a look get undefined", async () => {
    await store().pending.save(testPending());
    expect(await store().pending.consume("pending", NOW)).toEqual(testPending());
    expect(await store().pending.consume("pending", NOW)).toBeUndefined();
    expect(await store().pending.find("pending", NOW)).toBeUndefined();
  });

  test("of several concurrent callers one gets it", async () => {
    await store().pending.save(testPending());
    const taken = await race(8, () => store().pending.consume("pending", NOW));
    expect(taken.filter((pending) => pending !== undefined)).toHaveLength(1);
  });

  test("an expired or unknown one is neither found nor consumed", async () => {
    await store().pending.save(testPending({ expires: NOW + 10 }));
    expect(await store().pending.find("pending", NOW + 9)).toBeDefined();
    expect(await store().pending.find("pending", NOW + 10)).toBeUndefined();
    expect(await store().pending.consume("pending", NOW + 10)).toBeUndefined();
    expect(await store().pending.consume("unknown", NOW)).toBeUndefined();
  });
}
