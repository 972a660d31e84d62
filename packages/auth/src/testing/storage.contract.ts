import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type {
  AuthorizationServerStorage,
  RevocationSelector,
  RotationResult,
} from "../authorization-server/storage.js";
import { describeDevices } from "./devices.contract.js";
import {
  TEST_NOW as NOW,
  testClient,
  testCode,
  testDetail,
  testGrant,
  testPending,
  testRedemption,
  testRotation,
  testSession,
} from "./records.contract.js";

/** What a suite opens before each test: an empty store, and how to put it away. */
export interface StorageUnderTest {
  readonly storage: AuthorizationServerStorage;
  close?(): Promise<void>;
}

/** Every sentence of `authorization-server/storage.ts` as a test. Run it for each implementation; `create` opens an empty store. */
export function describeStorage(name: string, create: () => Promise<StorageUnderTest>): void {
  describe(`storage contract: ${name}`, () => {
    let opened: StorageUnderTest;
    beforeEach(async () => {
      opened = await create();
    });
    afterEach(async () => opened.close?.());
    const store = () => opened.storage;
    describe("clients", () => describeClients(store));
    describe("pending authorizations", () => describePending(store));
    describe("authorization codes", () => describeCodes(store));
    describe("devices", () => describeDevices(store));
    describe("grants", () => describeGrants(store));
    describe("sessions", () => describeSessions(store));
    describe("rotation of refresh tokens", () => describeRotation(store));
    describe("revocation", () => describeRevocation(store));
    describe("sessions made by exchange", () => describeDescent(store));
    describe("replay records", () => describeReplay(store));
  });
}

type Store = () => AuthorizationServerStorage;

/** Starts all at once, as several processes would; answers in the order of the calls. */
const race = <T>(count: number, run: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => run(index)));

function describeClients(store: Store): void {
  test("a client comes back as it was added, and an unknown one is undefined", async () => {
    const record = testClient("editor", { secret_hash: "hash", expires: undefined });
    await store().clients.add(record);
    expect(await store().clients.find("editor", NOW)).toEqual(record);
    expect(await store().clients.find("other", NOW)).toBeUndefined();
  });

  test("every member of the metadata survives", async () => {
    const full = testClient("editor");
    const metadata = {
      ...full.metadata,
      client_name: "É <b>\u202e",
      client_uri: "https://editor.example/",
      redirect_uris: ["https://editor.example/cb?a=%20b", "com.example.editor:/cb"],
      token_endpoint_auth_method: "private_key_jwt" as const,
      scope: "mcp:read mcp:write",
      jwks: { keys: [{ kty: "EC", crv: "P-256", x: "x", y: "y" }] },
      dpop_bound_access_tokens: true,
    };
    await store().clients.add({ ...full, metadata, origin: "configured", expires: undefined });
    expect((await store().clients.find("editor", NOW))?.metadata).toEqual(metadata);
  });

  test("adding a client_id that exists is refused, and the first record stays", async () => {
    await store().clients.add(testClient("editor", { secret_hash: "first" }));
    await expect(store().clients.add(testClient("editor", { secret_hash: "second" }))).rejects.toThrow();
    expect((await store().clients.find("editor", NOW))?.secret_hash).toBe("first");
  });

  test("of several concurrent additions of one client_id exactly one succeeds", async () => {
    const results = await Promise.allSettled([1, 2, 3].map(() => store().clients.add(testClient("editor"))));
    expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });

  test("an unused registration goes away when it expires", async () => {
    await store().clients.add(testClient("editor", { expires: NOW + 100 }));
    expect(await store().clients.find("editor", NOW + 99)).toBeDefined();
    expect(await store().clients.find("editor", NOW + 100)).toBeUndefined();
  });

  test("a client with a live grant does not expire; when the grant ends, it does", async () => {
    await store().clients.add(testClient("editor", { expires: NOW + 100 }));
    await store().grants.widen(testGrant());
    expect(await store().clients.find("editor", NOW + 100_000)).toBeDefined();
    await store().sessions.revoke({ client_id: "editor" }, NOW + 200);
    expect(await store().clients.find("editor", NOW + 201)).toBeUndefined();
  });
}

function describePending(store: Store): void {
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

function describeCodes(store: Store): void {
  const redeem = (code_hash: string, ...args: Parameters<typeof testRedemption>) =>
    store().codes.redeem(code_hash, testRedemption(...args));

  beforeEach(async () => {
    await store().grants.widen(testGrant());
  });

  test("a code is found as it was saved, without being taken", async () => {
    const record = testCode({ scopes: ["mcp:read"], dpop_jkt: "jkt", details: [testDetail("a")] });
    await store().codes.save("hash", record);
    expect(await store().codes.find("hash")).toEqual(record);
    expect(await redeem("hash")).toBe("redeemed");
    expect(await store().codes.find("unknown")).toBeUndefined();
  });

  test("redeeming makes the session with its refresh token, once; ever after the code is used, and nothing changes", async () => {
    await store().codes.save("hash", testCode());
    const { session } = testRedemption();
    expect(await redeem("hash")).toBe("redeemed");
    expect(await store().sessions.findByRefresh("session r1")).toEqual({ session, current: true });
    expect(await redeem("hash", { id: "again" })).toBe("used");
    expect(await redeem("unknown", { id: "again" })).toBe("used");
    expect(await store().sessions.find("session")).toEqual(session);
    expect(await store().sessions.find("again")).toBeUndefined();
    expect(await store().sessions.findByRefresh("again r1")).toBeUndefined();
  });

  test("the session may have no refresh token", async () => {
    await store().codes.save("hash", testCode());
    await store().codes.redeem("hash", { ...testRedemption(), refresh_hash: undefined });
    expect(await store().sessions.find("session")).toEqual(testSession());
    expect(await store().sessions.findByRefresh("session r1")).toBeUndefined();
  });

  test("of several concurrent redemptions exactly one succeeds, and all the others can end what it made", async () => {
    await store().codes.save("hash", testCode());
    const results = await race(8, async (index) => {
      const result = await store().codes.redeem("hash", { ...testRedemption(), refresh_hash: `r${index}` });
      return { result, ended: result === "used" ? await store().sessions.revoke({ session_id: "session" }, NOW) : 0 };
    });
    const winner = results.findIndex(({ result }) => result === "redeemed");
    expect(results.filter(({ result }) => result === "redeemed")).toHaveLength(1);
    expect(results.reduce((sum, { ended }) => sum + ended, 0)).toBe(1);
    expect((await store().sessions.find("session"))?.revoked).toBe(NOW);
    const hashes = await race(8, (index) => store().sessions.findByRefresh(`r${index}`));
    expect(hashes.map((found) => found !== undefined)).toEqual(results.map((_, index) => index === winner));
  });

  test("an expired code is not redeemed", async () => {
    await store().codes.save("hash", testCode({ expires: NOW + 60 }));
    expect(await redeem("hash", {}, NOW + 60)).toBe("used");
    expect(await store().sessions.find("session")).toBeUndefined();
    expect(await redeem("hash", {}, NOW + 59)).toBe("redeemed");
  });

  test("a code whose grant is gone makes no session; a used one is used all the same", async () => {
    await store().codes.save("used", testCode());
    await store().codes.save("hash", testCode({ session_id: "late" }));
    await redeem("used");
    await store().sessions.revoke({ grant_id: "grant" }, NOW);
    await expect(redeem("hash", { id: "late" })).rejects.toMatchObject({ reason: "session_ended" });
    expect(await store().sessions.find("late")).toBeUndefined();
    expect(await store().sessions.findByRefresh("late r1")).toBeUndefined();
    expect(await redeem("used")).toBe("used");
  });

  test("a redemption that fails gives the code back", async () => {
    await store().codes.save("hash", testCode());
    await expect(redeem("hash", { grant_id: "never" })).rejects.toMatchObject({ reason: "session_ended" });
    expect(await redeem("hash")).toBe("redeemed");
  });

  test("redeemed and expired codes are still found, so that a replay knows what to revoke", async () => {
    await store().codes.save("redeemed", testCode());
    await redeem("redeemed");
    await store().codes.save("expired", testCode({ expires: NOW - 1 }));
    expect((await store().codes.find("redeemed"))?.session_id).toBe("session");
    expect((await store().codes.find("expired"))?.session_id).toBe("session");
  });
}

function describeGrants(store: Store): void {
  test("the first consent makes the grant", async () => {
    expect(await store().grants.widen(testGrant())).toEqual(testGrant());
    expect(await store().grants.find("ada", "editor", "https://mcp.example/crm")).toEqual(testGrant());
  });

  test("keeps single calls that were consented to, each once, until their time, the newest of many", async () => {
    const first = testDetail("a", { once: true, exp: NOW + 60 });
    const second = testDetail("b");
    await store().grants.widen(testGrant({ details: [first, second] }));
    const whose = ["ada", "editor", "https://mcp.example/crm"] as const;
    expect((await store().grants.find(...whose))?.details).toEqual([first, second]);
    await store().grants.widen(testGrant({ updated: NOW + 1 }));
    expect((await store().grants.find(...whose))?.details).toEqual([first, second]);
    const later = testGrant({ details: [second, testDetail("c")], updated: NOW + 60 });
    expect((await store().grants.widen(later)).details).toEqual([second, testDetail("c")]);
    const many = Array.from({ length: 60 }, (_, index) => testDetail(`m${index}`));
    await store().grants.widen(testGrant({ details: many }));
    const kept = (await store().grants.list("ada"))[0]?.details ?? [];
    expect([kept.length, kept.at(-1)?.id]).toEqual([50, "m59"]);
  });

  test("a later consent widens it: same id and creation, all scopes", async () => {
    await store().grants.widen(testGrant());
    const later = testGrant({ id: "other", scopes: ["mcp:write", "mcp:read"], created: NOW + 5, updated: NOW + 5 });
    const wider = await store().grants.widen(later);
    expect(wider).toMatchObject({ id: "grant", created: NOW, updated: NOW + 5 });
    expect([...wider.scopes].sort()).toEqual(["mcp:read", "mcp:write"]);
    expect(await store().grants.find("ada", "editor", "https://mcp.example/crm")).toEqual(wider);
  });

  test("concurrent consents make one grant with the scopes of all", async () => {
    const scopes = ["a", "b", "c", "d", "e"];
    const made = await race(5, (i) =>
      store().grants.widen(testGrant({ id: `grant-${i}`, scopes: scopes.slice(i, i + 1) })),
    );
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    const [grant, ...others] = await store().grants.list("ada");
    expect(others).toEqual([]);
    expect([...(grant?.scopes ?? [])].sort()).toEqual(scopes);
  });

  test.each(["sub", "client_id", "resource"] as const)("another %s is another grant", async (member) => {
    await store().grants.widen(testGrant());
    const other = testGrant({ id: "other", [member]: "other" });
    expect(await store().grants.widen(other)).toEqual(other);
    expect(await store().grants.find("ada", "editor", "https://mcp.example/crm")).toEqual(testGrant());
  });

  test("a list has the live grants of one subject only", async () => {
    await store().grants.widen(testGrant());
    await store().grants.widen(testGrant({ id: "other", client_id: "other" }));
    await store().grants.widen(testGrant({ id: "hers", sub: "grace" }));
    expect((await store().grants.list("ada")).map(({ id }) => id).sort()).toEqual(["grant", "other"]);
    expect(await store().grants.list("nobody")).toEqual([]);
  });
}

function describeSessions(store: Store): void {
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

function describeRotation(store: Store): void {
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

function describeRevocation(store: Store): void {
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

function describeReplay(store: Store): void {
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

function describeDescent(store: Store): void {
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
