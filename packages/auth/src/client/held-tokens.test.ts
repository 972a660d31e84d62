import { describe, expect, test } from "vitest";
import { createTestSystem } from "../testing/system.js";
import { createHeldTokens } from "./held-tokens.js";

function start(size?: number) {
  const system = createTestSystem();
  const held = createHeldTokens<{ readonly name: string; readonly expires: number | undefined }, string>({
    system,
    ...(size === undefined ? {} : { size }),
  });
  let fetched = 0;
  const get = (key: string, { life = 600, until = system.now() + 3_600, owner = "ada" } = {}) =>
    held.get(key, { until, owner }, async () => {
      fetched += 1;
      return { name: `${key}${fetched}`, expires: Number.isNaN(life) ? undefined : system.now() + life };
    });
  return { system, held, get, count: () => fetched };
}

describe("a token that is held", () => {
  test("answers at once, until shortly before it ends", async () => {
    const { system, get } = start();
    expect(await get("a")).toMatchObject({ name: "a1" });
    expect(get("a")).toMatchObject({ name: "a1" });
    system.advance(569);
    expect(get("a")).toMatchObject({ name: "a1" });
    system.advance(1);
    expect(await get("a")).toMatchObject({ name: "a2" });
  });

  test("is never held beyond what it was made from", async () => {
    const { system, get } = start();
    await get("a", { until: system.now() + 100 });
    system.advance(99);
    expect(get("a")).toMatchObject({ name: "a1" });
    system.advance(1);
    expect(await get("a", { until: system.now() + 100 })).toMatchObject({ name: "a2" });
  });

  test.each([
    ["without a known end for a minute", Number.NaN, 44],
    ["with a short life for three quarters of it", 20, 14],
    ["with no life not at all", 0, -1],
  ])("%s", async (_, life, lasts) => {
    const { system, get, count } = start();
    await get("a", { life });
    system.advance(lasts);
    await get("a", { life });
    expect(count()).toBe(lasts < 0 ? 2 : 1);
    system.advance(2);
    await get("a", { life });
    expect(count()).toBe(lasts < 0 ? 3 : 2);
  });

  test("is fetched once, however many ask at once, and apart from others", async () => {
    const { get, count } = start();
    const all = await Promise.all([get("a"), get("a"), get("b"), get("a")]);
    expect(all.map(({ name }) => name)).toEqual(["a1", "a1", "b2", "a1"]);
    expect(count()).toBe(2);
  });

  test("is nothing when fetching fails: everybody who waited is told, and the next one asks again", async () => {
    const { system, held } = start();
    const from = { until: system.now() + 100, owner: "ada" };
    let asked = 0;
    const fail = async () => {
      asked += 1;
      throw new Error(`down ${asked}`);
    };
    const outcomes = await Promise.allSettled([held.get("a", from, fail), held.get("a", from, fail)]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect([asked, held.size]).toEqual([1, 0]);
    const value = { name: "a", expires: system.now() + 600 };
    expect(await held.get("a", from, async () => value)).toBe(value);
  });

  test("goes when it was refused, and its successor does not go with it", async () => {
    const { held, get, count } = start();
    const refused = await get("a");
    held.drop("a", refused);
    const next = await get("a");
    held.drop("a", refused);
    expect(get("a")).toBe(next);
    expect(count()).toBe(2);
  });

  test("goes with its owner, and is not kept when it comes after the owner has gone", async () => {
    const { held, get, count } = start();
    await get("a", { owner: "ada" });
    await get("b", { owner: "bob" });
    const late = get("c", { owner: "ada" });
    held.forget((owner) => owner === "ada");
    await late;
    expect(held.size).toBe(1);
    await get("a", { owner: "ada" });
    await get("b", { owner: "bob" });
    expect(count()).toBe(4);
  });

  test("goes when there are too many", async () => {
    const { held, get } = start(10);
    for (let index = 0; index < 50; index++) await get(`k${index}`);
    expect(held.size).toBeLessThanOrEqual(10);
    expect(get("k49")).toMatchObject({ name: "k4950" });
  });
});
