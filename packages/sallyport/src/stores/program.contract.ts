import { setImmediate } from "node:timers/promises";
import type { RevocationSelector } from "@sallyport/auth/authorization-server";
import { beforeEach, describe, expect, test } from "vitest";
import {
  TEST_NOW as NOW,
  testClient,
  testCode,
  testGrant,
  testPending,
  testRedemption,
  testRotation,
  testSession,
} from "../../../auth/src/testing/records.contract.js";
import { describeKeys } from "./keys.contract.js";
import { type DatabaseUnderTest, type Opened, TEST_MASTER_KEY, useStore } from "./opened.contract.js";
import { openStore } from "./store.js";

const RESOURCE = "https://mcp.example/crm";
const DAY = 86_400;

/** The ports of the program itself (change feed, signing keys, catalogue, installations), housekeeping, and two processes at once. */
export function describeProgramStorage(database: DatabaseUnderTest): void {
  describe(`program storage contract: ${database.name}`, () => {
    const opened = useStore(database);
    describe("change feed", () => describeFeed(opened));
    describe("signing keys", () => describeKeys(opened));
    describe("tool catalogue", () => describeCatalogue(opened));
    describe("installations", () => describeInstallations(opened));
    describe("sweep", () => describeSweep(opened));
    describe("two processes", () => describeTwoProcesses(opened));
  });
}

function describeFeed({ store, another }: Opened): void {
  beforeEach(async () => {
    await store().grants.widen(testGrant());
    for (const id of ["s1", "s2"]) await store().sessions.create(testSession({ id }), `${id}-token`);
  });
  const grantKey = JSON.stringify(["ada", "editor", RESOURCE]);

  test.each<[RevocationSelector, [string, string][]]>([
    [{ session_id: "s1" }, [["session", "s1"]]],
    [{ session_id: "unknown" }, []],
    [
      { grant_id: "grant" },
      [
        ["session", "s1"],
        ["session", "s2"],
        ["grant", grantKey],
      ],
    ],
    [
      { sub: "ada" },
      [
        ["session", "s1"],
        ["session", "s2"],
        ["grant", grantKey],
      ],
    ],
    [{ sub: "grace" }, []],
  ])("revoking %j appends %j", async (selector, rows) => {
    await store().sessions.revoke(selector, NOW + 3);
    const changes = await store().feed.since(0);
    expect(changes.map(({ kind, key }) => [kind, key]).sort()).toEqual(rows.sort());
    expect(changes.every(({ at }) => at === NOW + 3)).toBe(true);
    expect(changes.map(({ seq }) => seq)).toEqual(changes.map((_, index) => index + 1));
    expect(await store().feed.head()).toBe(rows.length);
  });

  test("refresh reuse appends the session; a rotation and a repetition append nothing", async () => {
    await store().sessions.rotate(testRotation("s1-token"));
    await store().sessions.rotate(testRotation("s1-token"));
    expect(await store().feed.since(0)).toEqual([]);
    await store().sessions.rotate(testRotation("s1-token", { now: NOW + 500 }));
    expect(await store().feed.since(0)).toEqual([{ seq: 1, kind: "session", key: "s1", at: NOW + 500 }]);
  });

  test("a reader goes on from where it was, and another process reads the same", async () => {
    await store().sessions.revoke({ session_id: "s1" }, NOW);
    const head = await store().feed.head();
    await store().sessions.revoke({ session_id: "s2" }, NOW);
    const second = await another();
    expect((await second.feed.since(head)).map(({ key }) => key)).toEqual(["s2"]);
    expect(await second.feed.since(await second.feed.head())).toEqual([]);
  });

  test("two processes that append at once leave one gapless order, and never a smaller number after a greater", async () => {
    const second = await another();
    const seen: number[] = [];
    let writing = true;
    const reader = (async () => {
      while (writing) {
        for (const { seq } of await second.feed.since(seen.at(-1) ?? 0)) seen.push(seq);
        // An embedded database answers without a turn of the event loop; the writers need one to try again.
        await setImmediate();
      }
    })();
    await Promise.all(
      Array.from({ length: 40 }, (_, i) => (i % 2 ? second : store()).entitlements.set(`u${i}`, "crm", ["mcp:read"])),
    );
    writing = false;
    await reader;
    for (const { seq } of await store().feed.since(seen.at(-1) ?? 0)) seen.push(seq);
    expect(seen).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
  });

  test("at most 1,000 rows come at once, in order", async () => {
    await store().grants.widen(testGrant({ id: "busy", sub: "grace" }));
    const ids = Array.from({ length: 1_200 }, (_, i) => `busy-${i}`);
    for (const id of ids) {
      await store().sessions.create(testSession({ id, grant_id: "busy", sub: "grace" }), undefined);
    }
    expect(await store().sessions.revoke({ sub: "grace" }, NOW)).toBe(1_200);
    const first = await store().feed.since(0);
    expect(first).toHaveLength(1_000);
    expect((await store().feed.since(first.at(-1)?.seq ?? 0)).length).toBe(201);
  });
}

function describeCatalogue({ store, another, system }: Opened): void {
  const row = (tool: string, hash = "h1") =>
    ({ tool, scope: "mcp:read", hash, first_seen: NOW, accepted: undefined }) as const;

  test("what is frozen stays as it was first seen, whatever comes later", async () => {
    await store().catalogue.freeze("crm", [row("b"), row("a")]);
    await store().catalogue.freeze("crm", [{ ...row("a", "h2"), scope: "mcp:write" }, row("c")]);
    await store().catalogue.freeze("erp", []);
    expect(await store().catalogue.load("crm")).toEqual([row("a"), row("b"), row("c")]);
    expect(await store().catalogue.load("erp")).toEqual([]);
  });

  test("accepting takes the new hash and the scope that goes with it", async () => {
    await store().catalogue.freeze("crm", [row("a"), row("b")]);
    system().advance(60);
    const definition = { hash: "h2", scope: "mcp:write" };
    await store().catalogue.accept("crm", "a", definition);
    expect(await store().catalogue.load("crm")).toEqual([{ ...row("a"), ...definition, accepted: NOW + 60 }, row("b")]);
    await expect(store().catalogue.accept("crm", "never", definition)).rejects.toThrow(/catalogue/);
    await expect(store().catalogue.accept("erp", "a", definition)).rejects.toThrow(/catalogue/);
  });

  test("the definition seen last is kept until it is the accepted one, and every change is announced", async () => {
    await store().catalogue.freeze("crm", [row("a"), row("b")]);
    const head = await store().feed.head();
    await store().catalogue.observe(
      "crm",
      new Map([
        ["a", "h2"],
        ["b", "h1"],
        ["never", "h3"],
      ]),
    );
    expect(await store().catalogue.load("crm")).toEqual([{ ...row("a"), seen: "h2" }, row("b")]);
    await store().catalogue.observe("crm", new Map([["a", "h1"]]));
    expect(await store().catalogue.load("crm")).toEqual([row("a"), row("b")]);
    await store().catalogue.observe("crm", new Map([["a", ""]]));
    expect(await store().catalogue.load("crm")).toEqual([{ ...row("a"), seen: "" }, row("b")]);
    await store().catalogue.accept("crm", "a", { hash: "h2", scope: "mcp:write" });
    expect((await store().catalogue.load("crm"))[0]?.seen).toBeUndefined();
    const changes = await store().feed.since(head);
    expect(changes.map(({ kind, key }) => [kind, key])).toEqual(Array.from({ length: 4 }, () => ["catalogue", "crm"]));
  });

  test("two processes that see a tool first at once agree on one row", async () => {
    const second = await another();
    await Promise.all([
      store().catalogue.freeze("crm", [row("a", "h1")]),
      second.catalogue.freeze("crm", [row("a", "h2")]),
    ]);
    expect(await store().catalogue.load("crm")).toEqual(await second.catalogue.load("crm"));
    expect(await store().catalogue.load("crm")).toHaveLength(1);
  });

  test("a server with ten thousand tools is frozen in one step", async () => {
    const tools = Array.from({ length: 10_000 }, (_, i) => row(`tool-${String(i).padStart(5, "0")}`));
    await store().catalogue.freeze("crm", tools);
    expect(await store().catalogue.load("crm")).toEqual(tools);
  });
}

function describeInstallations({ store }: Opened): void {
  test("a name keeps the command it was saved with; another command is refused", async () => {
    const { installations } = store();
    expect(await installations.find("everything")).toBeUndefined();
    await installations.save("everything", "f1");
    await installations.save("everything", "f1");
    await expect(installations.save("everything", "f2")).rejects.toThrow(/another command/);
    expect(await installations.find("everything")).toEqual({ name: "everything", fingerprint: "f1", created: NOW });
  });

  test("replacing the command ends whatever people agreed to for the old one, and keeps the people", async () => {
    await store().installations.save("everything", "f1");
    await store().clients.add(testClient("editor"));
    await store().grants.widen(testGrant());
    await store().sessions.create(testSession(), "r1");
    await store().codes.save("code", testCode({ session_id: "next" }));
    await store().pending.save(testPending());
    await store().entitlements.set("u1", "everything", ["mcp:read"]);
    const head = await store().feed.head();

    await store().installations.replace("everything", "f2", NOW + 9);
    expect(await store().installations.find("everything")).toMatchObject({ fingerprint: "f2", created: NOW + 9 });
    expect(await store().grants.list("ada")).toEqual([]);
    expect((await store().sessions.find("session"))?.revoked).toBe(NOW + 9);
    expect(await store().sessions.rotate(testRotation("r1"))).toMatchObject({ status: "ended" });
    expect(await store().codes.redeem("code", testRedemption({ id: "next" }))).toBe("used");
    expect(await store().pending.consume("pending", NOW)).toBeUndefined();
    expect(await store().feed.since(head)).toEqual([
      { seq: head + 1, kind: "cutoff", key: String(NOW + 9), at: NOW + 9 },
    ]);
    expect(await store().entitlements.list("u1")).toHaveLength(1);
  });

  test("nobody uses a name under which nothing was ever granted", async () => {
    await store().installations.save("everything", "f1");
    await store().clients.add(testClient("editor"));
    await store().pending.save(testPending());
    expect(await store().installations.isUsed()).toBe(false);
  });

  test.each<[string, () => Promise<unknown>]>([
    ["a grant", () => store().grants.widen(testGrant())],
    ["an ended session, without its grant", () => endedSession()],
    ["a code that was not redeemed yet", () => store().codes.save("code", testCode({ session_id: "next" }))],
    ["somebody who may grant", () => store().entitlements.set("u1", "", ["mcp:read"])],
  ])("a name under which there is %s is used", async (_, make) => {
    await store().installations.save("everything", "f1");
    await make();
    expect(await store().installations.isUsed()).toBe(true);
  });

  async function endedSession(): Promise<void> {
    await store().grants.widen(testGrant());
    await store().sessions.create(testSession(), "r1");
    await store().sessions.revoke({ sub: "ada" }, NOW);
    expect(await store().grants.list("ada")).toEqual([]);
  }
}

function describeSweep({ store }: Opened): void {
  test("takes what has expired, and nothing that can still matter", async () => {
    const s = store();
    await s.clients.add(testClient("editor", { expires: NOW + 10 }));
    await s.clients.add(testClient("unused", { expires: NOW + 10 }));
    await s.clients.add(testClient("waiting", { expires: NOW + 10 }));
    await s.clients.add(testClient("configured", { expires: undefined }));
    await s.grants.widen(testGrant());
    await s.sessions.create(testSession({ idle_expires: NOW + 5 * DAY, expires: NOW + 9 * DAY }), "r1");
    await s.sessions.create(testSession({ id: "over" }), "r2");
    await s.codes.save("made", testCode());
    await s.codes.save("left", testCode({ session_id: "never" }));
    await s.pending.save(testPending({ client_id: "waiting", expires: NOW + 3 * DAY }));
    await s.replay.record("jti", "a", NOW + 10, NOW);
    await s.replay.record("jti", "b", NOW + 3 * DAY, NOW);
    await s.sessions.revoke({ session_id: "unknown" }, NOW);

    const later = NOW + 2 * DAY;
    // The client, the session that is over with its token, the code that was left, and the replay record.
    expect(await s.sweep(later)).toBe(4);
    expect(await s.sweep(later)).toBe(0);
    expect(await s.clients.find("editor", later)).toBeDefined();
    expect(await s.clients.find("configured", later)).toBeDefined();
    await expect(s.clients.add(testClient("unused"))).resolves.toBeUndefined();
    await expect(s.clients.add(testClient("waiting"))).rejects.toThrow(/exists/);
    expect(await s.sessions.find("over")).toBeUndefined();
    expect(await s.sessions.findByRefresh("r2")).toBeUndefined();
    expect(await s.sessions.findByRefresh("r1")).toBeDefined();
    expect(await s.codes.find("made")).toBeDefined();
    expect(await s.codes.find("left")).toBeUndefined();
    expect(await s.replay.record("jti", "b", NOW + 9 * DAY, later)).toBe(false);
  });

  test("keeps announced changes for a day, and never gives a number out again", async () => {
    await store().entitlements.set("u1", "crm", ["mcp:read"]);
    await store().sweep(NOW + DAY - 1);
    expect(await store().feed.since(0)).toHaveLength(1);
    await store().sweep(NOW + DAY);
    expect(await store().feed.since(0)).toEqual([]);
    expect(await store().feed.head()).toBe(1);
    await store().entitlements.set("u1", "crm", []);
    expect((await store().feed.since(1)).map(({ seq }) => seq)).toEqual([2]);
  });

  test("keeps the memory of a rotated token for thirty days of a living session", async () => {
    await store().grants.widen(testGrant());
    await store().sessions.create(testSession({ idle_expires: NOW + 90 * DAY, expires: NOW + 90 * DAY }), "r1");
    await store().sessions.rotate(testRotation("r1", { now: NOW, idle_lifetime: 90 * DAY }));
    await store().sweep(NOW + 30 * DAY - 1);
    expect(await store().sessions.findByRefresh("r1")).toMatchObject({ current: false });
    await store().sweep(NOW + 30 * DAY);
    expect(await store().sessions.findByRefresh("r1")).toBeUndefined();
    expect(await store().sessions.findByRefresh("r1+")).toMatchObject({ current: true });
  });

  test("is bounded: a flood goes in several calls", async () => {
    for (let i = 0; i < 700; i++) await store().replay.record("jti", `${i}`, NOW + 1, NOW);
    expect(await store().sweep(NOW + 1)).toBe(500);
    expect(await store().sweep(NOW + 1)).toBe(200);
  });
}

function describeTwoProcesses({ store, another, emptyUrl, system }: Opened): void {
  test("that open an empty database at once both get it", async () => {
    const fresh = { url: await emptyUrl(), masterKey: TEST_MASTER_KEY, system: system() };
    const stores = await Promise.all([1, 2, 3, 4].map(() => openStore(fresh)));
    await stores[0]?.clients.add(testClient("editor"));
    for (const one of stores) expect(await one.clients.find("editor", NOW)).toBeDefined();
    await Promise.all(stores.map((one) => one.close()));
  });

  test("redeem one code: one success, and whoever else ends what it made finds it", async () => {
    const second = await another();
    await store().grants.widen(testGrant());
    await store().codes.save("code", testCode());
    const results = await Promise.all(
      Array.from({ length: 10 }, async (_, i) => {
        const { codes, sessions } = i % 2 ? second : store();
        const result = await codes.redeem("code", testRedemption());
        return { result, ended: result === "used" ? await sessions.revoke({ session_id: "session" }, NOW + 1) : 0 };
      }),
    );
    expect(results.filter(({ result }) => result === "redeemed")).toHaveLength(1);
    expect(results.filter(({ ended }) => ended === 1)).toHaveLength(1);
    expect((await second.sessions.find("session"))?.revoked).toBe(NOW + 1);
  });

  test("rotate one refresh token: one rotation, one successor, the same for all", async () => {
    const second = await another();
    await store().grants.widen(testGrant());
    await store().sessions.create(testSession(), "r1");
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        (i % 2 ? second : store()).sessions.rotate(
          testRotation("r1", { successor_hash: `successor-${i}`, sealed_successor: `sealed-${i}` }),
        ),
      ),
    );
    const winner = results.findIndex(({ status }) => status === "rotated");
    expect(results.filter(({ status }) => status === "rotated")).toHaveLength(1);
    for (const [i, result] of results.entries()) {
      if (i !== winner) expect(result).toMatchObject({ status: "repeated", sealed_successor: `sealed-${winner}` });
    }
    for (let i = 0; i < 10; i++) {
      expect((await second.sessions.findByRefresh(`successor-${i}`)) !== undefined).toBe(i === winner);
    }
  });

  test("record one proof: one is the first", async () => {
    const second = await another();
    const first = await Promise.all(
      Array.from({ length: 10 }, (_, i) => (i % 2 ? second : store()).replay.record("dpop", "jti", NOW + 60, NOW)),
    );
    expect(first.filter(Boolean)).toHaveLength(1);
  });

  test.each(["create", "redeem"])(
    "a session is never made (%s) under a grant that the other process ends at the same time",
    async (how) => {
      const second = await another();
      for (let round = 0; round < 20; round++) {
        const grant = await store().grants.widen(testGrant({ id: `g${round}`, sub: `s${round}` }));
        const id = `session-${round}`;
        const redemption = testRedemption({ id, sub: grant.sub, grant_id: grant.id });
        await store().codes.save(id, testCode({ session_id: id, sub: grant.sub, grant_id: grant.id }));
        const created =
          how === "create"
            ? store().sessions.create(redemption.session, redemption.refresh_hash)
            : store().codes.redeem(id, redemption);
        const [made] = await Promise.allSettled([created, second.sessions.revoke({ grant_id: grant.id }, NOW)]);
        const session = await second.sessions.find(id);
        expect(session?.revoked).toBe(made.status === "fulfilled" ? NOW : undefined);
        expect(session === undefined).toBe(made.status === "rejected");
      }
    },
  );
}
