import { beforeEach, expect, test } from "vitest";
import type { RotationResult } from "../authorization-server/storage.js";
import { TEST_NOW as NOW, testGrant, testRotation, testSession } from "./records.contract.js";
import { race, type Store } from "./under-test.contract.js";

export function describeRotation(store: Store): void {
  const rotate = (...args: Parameters<typeof testRotation>) => store().sessions.rotate(testRotation(...args));
  const revoked = async () => (await store().sessions.find("session"))?.revoked;

  beforeEach(async () => {
    await store().grants.widen(testGrant());
    await store().sessions.create(testSession(), "r1");
  });

  test("the live token rotates: last use and idle expiry move on, the absolute end does not", async () => {
    const result = await rotate("r1", { now: NOW + 900 });
    const session = testSession({ last_used: NOW + 900, idle_expires: NOW + 1_900 });
    expect(result).toEqual({ status: "rotated", session });
    expect(await store().sessions.find("session")).toEqual(session);
    expect(await store().sessions.findByRefresh("r1")).toEqual({ session, current: false });
    expect(await store().sessions.findByRefresh("r1+")).toEqual({ session, current: true });
  });

  test("within the grace the predecessor yields the successor that the first rotation stored", async () => {
    await rotate("r1");
    const again = await rotate("r1", { now: NOW + 39, successor_hash: "other", sealed_successor: "sealed(other)" });
    expect(again).toMatchObject({ status: "repeated", sealed_successor: "sealed(r1+)", session: { id: "session" } });
    expect(await rotate("other")).toEqual({ status: "unknown" });
    expect(await rotate("r1+", { now: NOW + 40 })).toMatchObject({ status: "rotated" });
  });

  test("after the grace the predecessor ends the session", async () => {
    await rotate("r1");
    const reused = await rotate("r1", { now: NOW + 41 });
    expect(reused).toMatchObject({ status: "reused", session: { id: "session", revoked: NOW + 41 } });
    expect(await revoked()).toBe(NOW + 41);
    expect(await rotate("r1+", { now: NOW + 42 })).toMatchObject({ status: "ended" });
  });

  test("once the successor was rotated itself, the predecessor ends the session even within the grace", async () => {
    await rotate("r1");
    await rotate("r1+", { now: NOW + 11 });
    expect(await rotate("r1", { now: NOW + 12 })).toMatchObject({ status: "reused" });
    expect(await revoked()).toBe(NOW + 12);
    expect(await rotate("r1++", { now: NOW + 13 })).toMatchObject({ status: "ended" });
  });

  test("reuse ends one session and leaves its sibling and the grant alone", async () => {
    await store().sessions.create(testSession({ id: "sibling" }), "s1");
    await rotate("r1");
    await rotate("r1", { now: NOW + 41 });
    expect(await rotate("s1", { now: NOW + 42 })).toMatchObject({ status: "rotated" });
    expect(await store().grants.find("ada", "editor", "https://mcp.example/crm")).toBeDefined();
  });

  test("an unknown token, another client's and another key's change nothing", async () => {
    expect(await rotate("never")).toEqual({ status: "unknown" });
    expect(await rotate("r1", { client_id: "thief" })).toEqual({ status: "unknown" });
    expect(await rotate("r1", { dpop_jkt: "thief" })).toEqual({ status: "unknown" });
    await rotate("r1");
    expect(await rotate("r1", { client_id: "thief", now: NOW + 99 })).toEqual({ status: "unknown" });
    expect(await revoked()).toBeUndefined();
    expect(await rotate("r1+", { now: NOW + 100 })).toMatchObject({ status: "rotated" });
  });

  test("a token bound to a key wants that key", async () => {
    await store().sessions.create(testSession({ id: "bound", dpop_jkt: "jkt" }), "b1");
    expect(await rotate("b1")).toEqual({ status: "unknown" });
    expect(await rotate("b1", { dpop_jkt: "jkt" })).toMatchObject({ status: "rotated", session: { id: "bound" } });
  });

  test.each([
    ["idle for too long", { now: NOW + 1_000 }],
    ["past its absolute end", { now: NOW + 5_000 }],
  ])("a session %s has ended", async (_, change) => {
    expect(await rotate("r1", change)).toMatchObject({ status: "ended", session: { id: "session" } });
    expect((await store().sessions.findByRefresh("r1"))?.current).toBe(true);
  });

  test("a revoked session has ended, also for a predecessor within its grace", async () => {
    await rotate("r1");
    await store().sessions.revoke({ session_id: "session" }, NOW + 11);
    expect(await rotate("r1", { now: NOW + 12 })).toMatchObject({ status: "ended", session: { revoked: NOW + 11 } });
    expect(await rotate("r1+", { now: NOW + 12 })).toMatchObject({ status: "ended", session: { revoked: NOW + 11 } });
  });

  test("of concurrent rotations one rotates and all others get its successor", async () => {
    const results: readonly RotationResult[] = await race(8, (i) =>
      rotate("r1", { successor_hash: `n${i}`, sealed_successor: `sealed(n${i})` }),
    );
    const winner = results.findIndex(({ status }) => status === "rotated");
    const others = results.filter((_, i) => i !== winner);
    expect(winner).toBeGreaterThanOrEqual(0);
    for (const other of others)
      expect(other).toMatchObject({ status: "repeated", sealed_successor: `sealed(n${winner})` });
    expect(await rotate(`n${winner}`, { now: NOW + 11 })).toMatchObject({ status: "rotated" });
  });
}
