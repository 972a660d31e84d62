import { expect, test } from "vitest";
import { TEST_NOW as NOW, testGrant, testRotation, testSession } from "./records.contract.js";
import { race, type Store } from "./under-test.contract.js";

export function describeDescent(store: Store): void {
  const family = async () => {
    await store().grants.widen(testGrant());
    await store().sessions.create(testSession({ id: "parent" }), "refresh");
    await store().sessions.create(testSession({ id: "child", parent_id: "parent", client_id: "agent" }), undefined);
    await store().sessions.create(
      testSession({ id: "grandchild", parent_id: "child", client_id: "helper" }),
      undefined,
    );
    await store().sessions.create(testSession({ id: "sibling" }), undefined);
  };
  const live = async () =>
    (await store().sessions.list("ada", NOW + 1)).map(({ id }) => id).sort((one, other) => one.localeCompare(other));

  test("a session comes back with its parent", async () => {
    await family();
    expect((await store().sessions.find("child"))?.parent_id).toBe("parent");
    expect((await store().sessions.find("parent"))?.parent_id).toBeUndefined();
  });

  test("what descends from a session ends with it, and is counted; its sibling lives on", async () => {
    await family();
    expect(await store().sessions.revoke({ session_id: "parent" }, NOW + 1)).toBe(3);
    expect(await live()).toEqual(["sibling"]);
    expect((await store().sessions.find("grandchild"))?.revoked).toBe(NOW + 1);
  });

  test("the chain can be cut at any link", async () => {
    await family();
    expect(await store().sessions.revoke({ session_id: "child" }, NOW + 1)).toBe(2);
    expect(await live()).toEqual(["parent", "sibling"]);
    expect(await store().sessions.revoke({ client_id: "agent" }, NOW + 1)).toBe(0);
  });

  test("a cut-off by time takes the younger descendants of what it ends", async () => {
    await store().grants.widen(testGrant());
    await store().sessions.create(testSession({ id: "parent" }), undefined);
    const created = NOW + 100;
    await store().sessions.create(testSession({ id: "child", parent_id: "parent", created }), undefined);
    expect(await store().sessions.revoke({ issued_before: NOW + 50 }, NOW + 200)).toBe(2);
    expect(await live()).toEqual([]);
  });

  test("a refresh token that is reused ends the descendants too", async () => {
    await family();
    await store().sessions.rotate(testRotation("refresh"));
    await store().sessions.rotate(testRotation("refresh+"));
    expect((await store().sessions.rotate(testRotation("refresh"))).status).toBe("reused");
    expect(await live()).toEqual(["sibling"]);
  });

  test.each([
    ["ended", { revoked: NOW }],
    ["expired", { expires: NOW }],
    ["idle for too long", { idle_expires: NOW }],
  ])("no session begins under a parent that is %s, or unknown", async (_, change) => {
    await store().grants.widen(testGrant());
    await store().sessions.create(testSession({ id: "parent", ...change }), undefined);
    for (const parent_id of ["parent", "unknown"]) {
      const child = testSession({ id: "child", parent_id });
      await expect(store().sessions.create(child, undefined)).rejects.toMatchObject({ reason: "session_ended" });
    }
    expect(await store().sessions.find("child")).toBeUndefined();
  });

  test("of an end and a beginning at once, nothing survives", async () => {
    await store().grants.widen(testGrant());
    await store().sessions.create(testSession({ id: "parent" }), undefined);
    const begin = (index: number) =>
      store()
        .sessions.create(testSession({ id: `child ${index}`, parent_id: "parent" }), undefined)
        .catch(() => undefined);
    await race<unknown>(5, (index) =>
      index === 2 ? store().sessions.revoke({ session_id: "parent" }, NOW) : begin(index),
    );
    expect(await live()).toEqual([]);
  });
}
