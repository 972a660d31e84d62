import { beforeEach, expect, test } from "vitest";
import { TEST_NOW as NOW, testDetail, testGrant, testRotation, testSession } from "./records.contract.js";
import type { Store } from "./under-test.contract.js";

export function describeSessions(store: Store): void {
  beforeEach(async () => {
    await store().grants.widen(testGrant());
  });

  test("a session is found by id and by its refresh token", async () => {
    const session = testSession({ dpop_jkt: "jkt" });
    await store().sessions.create(session, "r1");
    expect(await store().sessions.find("session")).toEqual(session);
    expect(await store().sessions.findByRefresh("r1")).toEqual({ session, current: true });
    expect(await store().sessions.find("unknown")).toBeUndefined();
    expect(await store().sessions.findByRefresh("unknown")).toBeUndefined();
  });

  test("a session may have no refresh token", async () => {
    await store().sessions.create(testSession(), undefined);
    expect(await store().sessions.find("session")).toEqual(testSession());
  });

  test("a session is refused when its grant is gone or never was", async () => {
    await store().sessions.revoke({ grant_id: "grant" }, NOW);
    const refusal = { reason: "session_ended" };
    await expect(store().sessions.create(testSession(), "r1")).rejects.toMatchObject(refusal);
    await expect(store().sessions.create(testSession({ grant_id: "never" }), "r1")).rejects.toMatchObject(refusal);
    expect(await store().sessions.find("session")).toBeUndefined();
    expect(await store().sessions.findByRefresh("r1")).toBeUndefined();
  });

  test("a session keeps its single calls, through rotation too", async () => {
    await store().grants.widen(testGrant());
    const session = testSession({ scopes: [], details: [testDetail("a", { once: true, exp: NOW + 60 })] });
    await store().sessions.create(session, "r1");
    expect(await store().sessions.find("session")).toEqual(session);
    const rotated = await store().sessions.rotate(testRotation("r1"));
    expect(rotated).toMatchObject({ status: "rotated", session: { scopes: [], details: session.details } });
  });

  test("a list has the live sessions of the subject, newest first", async () => {
    await store().grants.widen(testGrant({ id: "hers", sub: "grace" }));
    await store().sessions.create(testSession({ id: "old", created: NOW - 50 }), "r1");
    await store().sessions.create(testSession({ id: "new", created: NOW }), "r2");
    await store().sessions.create(testSession({ id: "idle", idle_expires: NOW + 5 }), "r3");
    await store().sessions.create(testSession({ id: "over", expires: NOW + 5 }), "r4");
    await store().sessions.create(testSession({ id: "ended" }), "r5");
    await store().sessions.create(testSession({ id: "hers", sub: "grace", grant_id: "hers" }), "r6");
    await store().sessions.revoke({ session_id: "ended" }, NOW);
    expect((await store().sessions.list("ada", NOW + 5)).map(({ id }) => id)).toEqual(["new", "old"]);
  });
}
