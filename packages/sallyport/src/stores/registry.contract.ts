import { beforeEach, describe, expect, test } from "vitest";
import {
  TEST_NOW as NOW,
  testClient,
  testCode,
  testGrant,
  testPending,
  testRedemption,
  testSession,
} from "../../../auth/src/testing/records.contract.js";
import { type DatabaseUnderTest, type Opened, useStore } from "./opened.contract.js";

/** What operators look through and take away. */
export function describeRegistryStorage(database: DatabaseUnderTest): void {
  describe(`registry contract: ${database.name}`, () => {
    const opened = useStore(database);
    describe("client documents", () => describeDocuments(opened));
    describe("lists", () => describeLists(opened));
    describe("removing a client", () => describeRemoval(opened));
  });
}

const documentOf = (name: string, change: object = {}) => ({
  client_id: `https://${name}.example/client.json`,
  host: `${name}.example`,
  client_name: name,
  unlisted: false,
  ...change,
});

function describeDocuments({ store }: Opened): void {
  const all = () => store().clientDocuments.list({ limit: 2_000 });

  test("one that comes again keeps the time of its first sight, and says the newest of the rest", async () => {
    await store().clientDocuments.record(documentOf("a"), NOW);
    await store().clientDocuments.record(documentOf("a", { client_name: undefined, unlisted: true }), NOW + 9);
    const expected = { ...documentOf("a"), client_name: undefined, unlisted: true };
    expect(await all()).toEqual([{ ...expected, first_seen: NOW, last_seen: NOW + 9 }]);
    expect(await store().clientDocuments.find(expected.client_id)).toEqual((await all())[0]);
    expect(await store().clientDocuments.find("https://b.example/client.json")).toBeUndefined();
  });

  test("they are read page by page", async () => {
    for (const name of ["c", "a", "b"]) await store().clientDocuments.record(documentOf(name), NOW);
    const first = await store().clientDocuments.list({ limit: 2 });
    expect(first.map(({ host }) => host)).toEqual(["a.example", "b.example"]);
    const rest = await store().clientDocuments.list({ limit: 2, after: first.at(-1)?.client_id });
    expect(rest.map(({ host }) => host)).toEqual(["c.example"]);
  });

  test("beyond a thousand those that were seen longest ago go, but none that people use", async () => {
    await store().grants.widen(testGrant({ client_id: "https://n0.example/client.json" }));
    for (let i = 0; i < 1_003; i += 1) await store().clientDocuments.record(documentOf(`n${i}`), NOW + i);
    const hosts = (await all()).map(({ host }) => host);
    expect(hosts).toHaveLength(1_001);
    for (const gone of ["n1.example", "n2.example"]) expect(hosts).not.toContain(gone);
    for (const kept of ["n0.example", "n3.example", "n1002.example"]) expect(hosts).toContain(kept);
  });
}

function describeLists({ store, system }: Opened): void {
  beforeEach(async () => {
    await store().grants.widen(testGrant());
    await store().grants.widen(testGrant({ id: "grant2", sub: "grace" }));
    await store().sessions.create(testSession({ id: "s1" }), "t1");
    await store().sessions.create(testSession({ id: "s2", sub: "grace", grant_id: "grant2" }), "t2");
    await store().sessions.create(testSession({ id: "s3" }), "t3");
  });

  test.each([
    [{}, ["grant", "grant2"], ["s1", "s2", "s3"]],
    [{ sub: "ada" }, ["grant"], ["s1", "s3"]],
    [{ sub: "grace", client_id: "editor" }, ["grant2"], ["s2"]],
    [{ client_id: "other" }, [], []],
    [{ resource: "https://mcp.example/other" }, [], []],
  ])("grants and sessions of %j", async (filter, grants, sessions) => {
    const page = { limit: 10 };
    expect((await store().registry.grants(filter, page)).map(({ id }) => id)).toEqual(grants);
    expect((await store().registry.sessions(filter, page, NOW)).map(({ id }) => id)).toEqual(sessions);
  });

  test("sessions that ended are not among them, and pages go on where they stopped", async () => {
    await store().sessions.revoke({ session_id: "s1" }, NOW);
    const page = await store().registry.sessions({}, { limit: 1 }, NOW);
    expect(page.map(({ id }) => id)).toEqual(["s2"]);
    const next = await store().registry.sessions({}, { limit: 1, after: "s2" }, NOW);
    expect(next.map(({ id }) => id)).toEqual(["s3"]);
    const [{ expires = 0 } = {}] = next;
    expect(await store().registry.sessions({}, { limit: 9 }, expires)).toEqual([]);
    expect(await store().registry.grants({}, { limit: 1, after: "grant" })).toMatchObject([{ id: "grant2" }]);
  });

  test("clients show what they registered and nothing of their secret; unused ones go with their time", async () => {
    const now = system().now();
    const used = testClient("editor", { expires: now + 10, secret_hash: "hash of a secret" });
    await store().clients.add(used);
    await store().clients.add(testClient("unused", { expires: now + 10 }));
    const list = await store().registry.clients({ limit: 10 }, now);
    expect(list.map(({ client_id }) => client_id)).toEqual(["editor", "unused"]);
    expect(list[0]).toEqual({
      client_id: "editor",
      client_name: used.metadata.client_name,
      redirect_uris: used.metadata.redirect_uris,
      token_endpoint_auth_method: used.metadata.token_endpoint_auth_method,
      created: used.created,
      expires: now + 10,
    });
    const later = await store().registry.clients({ limit: 10 }, now + 10);
    expect(later.map(({ client_id }) => client_id)).toEqual(["editor"]);
  });
}

function describeRemoval({ store }: Opened): void {
  test("ends its sessions and grants, forgets it and what waits in its name, and announces it, leaving others alone", async () => {
    await store().clients.add(testClient("editor"));
    await store().grants.widen(testGrant());
    await store().grants.widen(testGrant({ id: "other", client_id: "other" }));
    await store().sessions.create(testSession({ id: "s1" }), "t1");
    await store().sessions.create(testSession({ id: "s2", client_id: "other", grant_id: "other" }), "t2");
    await store().pending.save(testPending());
    await store().codes.save("code", testCode());

    expect(await store().registry.removeClient("editor", NOW)).toEqual({ registered: true, sessions: 1 });

    expect(await store().clients.find("editor", NOW)).toBeUndefined();
    expect(await store().pending.find(testPending().id, NOW)).toBeUndefined();
    expect((await store().sessions.find("s1"))?.revoked).toBe(NOW);
    expect((await store().sessions.find("s2"))?.revoked).toBeUndefined();
    expect((await store().registry.grants({}, { limit: 9 })).map(({ id }) => id)).toEqual(["other"]);
    await expect(store().codes.redeem("code", testRedemption())).rejects.toMatchObject({ reason: "session_ended" });
    const changes = await store().feed.since(0);
    expect(changes.map(({ kind, key }) => [kind, key])).toContainEqual(["client", "editor"]);
  });

  test("one that is not registered loses what was granted to it all the same", async () => {
    const client_id = "https://a.example/client.json";
    await store().grants.widen(testGrant({ client_id }));
    await store().sessions.create(testSession({ client_id }), "t1");
    expect(await store().registry.removeClient(client_id, NOW)).toEqual({ registered: false, sessions: 1 });
    expect(await store().registry.removeClient("nobody", NOW)).toEqual({ registered: false, sessions: 0 });
  });
}
