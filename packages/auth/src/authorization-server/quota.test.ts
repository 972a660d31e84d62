import { expect, test } from "vitest";
import { createQuota } from "./quota.js";

test("so many per window, then the seconds until the next; keys do not share", () => {
  const quota = createQuota(2, 100);
  expect([quota.take("a", 0), quota.take("a", 50), quota.take("a", 60)]).toEqual([0, 0, 40]);
  expect(quota.take("b", 60)).toBe(0);
  expect(quota.take("a", 100)).toBe(0);
});

test("a quota of nothing lets nobody through", () => {
  expect(createQuota(0, 100).take("a", 0)).toBe(100);
});

test("it remembers at most 10,000 keys, and forgets the oldest", () => {
  const quota = createQuota(1, 100);
  for (let i = 0; i < 10_001; i += 1) quota.take(`key ${i}`, 0);
  expect(quota.take("key 0", 1)).toBe(0);
  expect(quota.take("key 10000", 1)).toBe(99);
});

test("waiting counts nothing", () => {
  const quota = createQuota(1, 100);
  expect([quota.wait("a", 0), quota.wait("a", 0), quota.take("a", 0)]).toEqual([0, 0, 0]);
  expect([quota.wait("a", 30), quota.wait("b", 30), quota.wait("a", 100)]).toEqual([70, 0, 0]);
});
