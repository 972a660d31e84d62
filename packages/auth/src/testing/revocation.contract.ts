import { beforeEach, expect, test } from "vitest";
import type { RevocationSelector } from "../authorization-server/storage.js";
import { TEST_NOW as NOW, testGrant, testSession } from "./records.contract.js";
import type { Store } from "./under-test.contract.js";

export function describeRevocation(store: Store): void {
  const liveIds = async () => {
    const all = await Promise.all(["ada", "grace"].map((sub) => store().sessions.list(sub, NOW + 20)));
    return all.flatMap((sessions) => sessions.map(({ id }) => id)).sort();
  };
  const grantIds = async () => {
    const all = await Promise.all(["ada", "grace"].map((sub) => store().grants.list(sub)));
    return all.flatMap((grants) => grants.map(({ id }) => id)).sort();
  };

  beforeEach(async () => {
    const grants = [
      testGrant({ id: "g1" }),
      testGrant({ id: "g2", client_id: "shell" }),
      testGrant({ id: "g3", resource: "https://mcp.example/other" }),
      testGrant({ id: "g4", sub: "grace" }),
    ];
    for (const grant of grants) {
      const { sub, client_id, resource, id: grant_id } = await store().grants.widen(grant);
      const id = `s${grant_id.slice(1)}`;
      await store().sessions.create(testSession({ id, sub, client_id, resource, grant_id }), `r-${id}`);
    }
    await store().sessions.create(testSession({ id: "s1-later", grant_id: "g1", created: NOW + 10 }), "r-later");
  });

  const rows: readonly (readonly [RevocationSelector, ended: string[], grants: string[]])[] = [
    [{ session_id: "s1" }, ["s1"], []],
    [{ session_id: "unknown" }, [], []],
    [{ grant_id: "g1" }, ["s1", "s1-later"], ["g1"]],
    [{ sub: "ada" }, ["s1", "s1-later", "s2", "s3"], ["g1", "g2", "g3"]],
    [{ client_id: "editor" }, ["s1", "s1-later", "s3", "s4"], ["g1", "g3", "g4"]],
    [{ resource: "https://mcp.example/other" }, ["s3"], ["g3"]],
    [{ sub: "ada", client_id: "editor", resource: "https://mcp.example/crm" }, ["s1", "s1-later"], ["g1"]],
    [{ sub: "grace", session_id: "s1" }, [], []],
    [{ sub: "grace", grant_id: "g1" }, [], []],
    // A grant consented to again since then stays; here all are older than that.
    [{ issued_before: NOW + 10 }, ["s1", "s2", "s3", "s4"], ["g1", "g2", "g3", "g4"]],
    [{ issued_before: NOW }, [], []],
  ];

  test.each(rows)("%j ends sessions %j and grants %j, and nothing else", async (selector, ended, grants) => {
    const [sessionsBefore, grantsBefore] = [await liveIds(), await grantIds()];
    expect(await store().sessions.revoke(selector, NOW + 15)).toBe(ended.length);
    expect(await liveIds()).toEqual(sessionsBefore.filter((id) => !ended.includes(id)));
    expect(await grantIds()).toEqual(grantsBefore.filter((id) => !grants.includes(id)));
    for (const id of ended) expect((await store().sessions.find(id))?.revoked).toBe(NOW + 15);
  });

  test("a selector without a field is refused", async () => {
    await expect(store().sessions.revoke({}, NOW)).rejects.toThrow();
    expect(await liveIds()).toHaveLength(5);
  });

  test("what has ended is not ended again", async () => {
    await store().sessions.revoke({ session_id: "s1" }, NOW + 15);
    expect(await store().sessions.revoke({ session_id: "s1" }, NOW + 16)).toBe(0);
    expect((await store().sessions.find("s1"))?.revoked).toBe(NOW + 15);
  });

  test("consent after a revocation makes a new grant without the old scopes", async () => {
    await store().sessions.revoke({ grant_id: "g1" }, NOW + 15);
    const fresh = testGrant({ id: "g9", scopes: ["mcp:write"], created: NOW + 16, updated: NOW + 16 });
    expect(await store().grants.widen(fresh)).toEqual(fresh);
  });
}
