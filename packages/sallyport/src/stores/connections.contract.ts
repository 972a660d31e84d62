import { beforeEach, describe, expect, test } from "vitest";
import type { Connection } from "../vault/contract.js";
import { type DatabaseUnderTest, type Opened, TEST_MASTER_KEY, useStore } from "./opened.contract.js";
import { openStore } from "./store.js";

const NOW = 1_800_000_000;

const connection = (change: Partial<Connection> = {}): Connection => ({
  sub: "ada",
  connection: "desk",
  version: "v1",
  tokens: { access_token: "canary-access", refresh_token: "canary-refresh", expires: NOW + 600 },
  scopes: ["tickets:read"],
  created: NOW,
  updated: NOW,
  ...change,
});

/** Every sentence of `vault/contract.ts` as a test. */
export function describeConnectionStorage(database: DatabaseUnderTest): void {
  describe(`connection storage contract: ${database.name}`, () => {
    const opened = useStore(database);
    beforeEach(async () => {
      for (const sub of ["ada", "grace"]) {
        const user = { sub, name: sub, roles: [], owner: false, disabled: false, password_hash: undefined };
        await opened.store().users.add({ ...user, created: NOW });
      }
    });
    describe("a connection", () => describeRows(opened));
    describe("one that ends by itself", () => describeEnds(opened));
    describe("a secret of the operator", () => describeSecrets(opened));
    describe("the right to refresh", () => describeClaims(opened));
    describe("what lies in the database", () => describeSealing(opened));
  });
}

function describeRows({ store }: Opened): void {
  test.each<[string, Connection]>([
    ["with everything", connection()],
    [
      "without a refresh token",
      connection({ tokens: { access_token: "a", refresh_token: undefined, expires: undefined } }),
    ],
    [
      "of a sign-in",
      connection({
        ends: NOW + 3_600,
        tokens: {
          ...{ access_token: "a", refresh_token: "r", expires: NOW + 600 },
          id_token: { token: "i", subject: "s", expires: NOW + 60 },
        },
      }),
    ],
    ["ended by the other system", connection({ tokens: undefined, scopes: [] })],
  ])("comes back as saved: %s", async (_, saved) => {
    await store().connections.save(saved);
    expect(await store().connections.find("ada", "desk")).toEqual(saved);
    expect(await store().connections.list("ada")).toEqual([saved]);
  });

  test("is one person's: another finds nothing under the same name", async () => {
    await store().connections.save(connection());
    expect(await store().connections.find("grace", "desk")).toBeUndefined();
    expect(await store().connections.list("grace")).toEqual([]);
    expect(await store().connections.remove("grace", "desk")).toBeUndefined();
    expect(await store().connections.find("ada", "desk")).toBeDefined();
  });

  test("is replaced by connecting anew, whatever was there", async () => {
    await store().connections.save(connection({ tokens: undefined }));
    await store().connections.save(connection({ version: "v2" }));
    expect(await store().connections.list("ada")).toEqual([connection({ version: "v2" })]);
  });

  test("is replaced by its version only", async () => {
    await store().connections.save(connection());
    const next = connection({ version: "v2", scopes: ["more"] });
    expect(await store().connections.replace("other", next)).toBe(false);
    expect(await store().connections.find("ada", "desk")).toEqual(connection());
    expect(await store().connections.replace("v1", next)).toBe(true);
    expect(await store().connections.find("ada", "desk")).toEqual(next);
  });

  test("is taken away once, and answers what it was", async () => {
    await store().connections.save(connection());
    expect(await store().connections.remove("ada", "desk")).toEqual(connection());
    expect(await store().connections.remove("ada", "desk")).toBeUndefined();
    expect(await store().connections.replace("v1", connection({ version: "v2" }))).toBe(false);
    expect(await store().connections.find("ada", "desk")).toBeUndefined();
  });
}

function describeEnds({ store, system }: Opened): void {
  const names = async (now: number) => [...(await store().connections.over("desk", now))].sort();

  test("is over at its end, or when its person is disabled, and by nothing else", async () => {
    await store().connections.save(connection({ ends: NOW + 60 }));
    await store().connections.save(connection({ sub: "grace" }));
    await store().connections.save(connection({ sub: "grace", connection: "crm", ends: NOW }));
    expect(await names(NOW + 59)).toEqual([]);
    expect(await names(NOW + 60)).toEqual(["ada"]);
    await store().users.update("grace", { disabled: true });
    expect(await names(NOW)).toEqual(["grace"]);
  });

  test("is ended by an operator: of one person or of all, from before a time, announced, and once", async () => {
    for (const sub of ["ada", "grace"]) {
      await store().connections.save(connection({ sub, ends: NOW + 600 }));
      await store().connections.save(connection({ sub, connection: "crm" }));
    }
    const head = await store().feed.head();
    expect(await store().connections.end("desk", { sub: "ada", createdBefore: NOW }, NOW)).toBe(0);
    expect(await store().feed.head()).toBe(head);
    expect(await store().connections.end("desk", { sub: "ada", createdBefore: NOW + 1 }, NOW)).toBe(1);
    expect(await store().feed.since(head)).toMatchObject([{ kind: "user", key: "ada" }]);
    expect(await names(NOW)).toEqual(["ada"]);
    expect(await store().connections.end("desk", {}, NOW)).toBe(1);
    expect(await names(NOW)).toEqual(["ada", "grace"]);
    expect(await store().connections.end("desk", {}, NOW)).toBe(0);
    expect(await store().connections.over("crm", NOW)).toEqual([]);
    // Signing in again begins anew.
    await store().connections.save(connection({ version: "v2", ends: NOW + 600 }));
    expect(await names(NOW)).toEqual(["grace"]);
  });

  test("is not brought back by a refresh that was under way when it was ended", async () => {
    const before = connection({ ends: NOW + 600 });
    await store().connections.save(before);
    expect(await store().connections.claim(before, NOW, NOW + 15)).toBe(true);
    await store().connections.end("desk", {}, NOW);
    expect(await store().connections.replace("v1", { ...before, version: "v2" })).toBe(false);
    expect(await names(NOW)).toEqual(["ada"]);
  });

  test("is taken away only if it is old enough, where that is asked", async () => {
    await store().connections.save(connection());
    expect(await store().connections.remove("ada", "desk", NOW)).toBeUndefined();
    expect(await store().connections.remove("ada", "desk", NOW + 1)).toEqual(connection());
  });

  test("is swept an hour after its end, and never without one", async () => {
    await store().connections.save(connection({ ends: system().now() }));
    await store().connections.save(connection({ sub: "grace" }));
    await store().sweep(system().now() + 3_599);
    expect(await store().connections.list("ada")).toHaveLength(1);
    await store().sweep(system().now() + 3_600);
    expect(await store().connections.list("ada")).toEqual([]);
    expect(await store().connections.list("grace")).toHaveLength(1);
  });
}

function describeSecrets({ store, another, url, system }: Opened): void {
  const read = async (...names: readonly string[]) => Object.fromEntries(await store().secrets.read(names));

  test("comes back as set, in every process, and those that are not there do not", async () => {
    await store().secrets.set("mail-key", "first");
    await (await another()).secrets.set("mail-key", "zweites Geheimnis ✓");
    await store().secrets.set("other", "x");
    expect(await read("mail-key", "unknown")).toEqual({ "mail-key": "zweites Geheimnis ✓" });
    expect(await read()).toEqual({});
  });

  test("is listed without its value, and taken away once", async () => {
    await store().secrets.set("mail-key", "canary-secret");
    const now = system().now();
    expect(await store().secrets.list()).toEqual([{ name: "mail-key", created: now, updated: now }]);
    expect(await store().secrets.remove("mail-key")).toBe(true);
    expect(await store().secrets.remove("mail-key")).toBe(false);
    expect(await store().secrets.list()).toEqual([]);
  });

  test("is announced when it is set and when it goes", async () => {
    const head = await store().feed.head();
    await store().secrets.set("mail-key", "v");
    await store().secrets.remove("mail-key");
    await store().secrets.remove("mail-key");
    const changes = await store().feed.since(head);
    expect(changes.map(({ kind, key }) => [kind, key])).toEqual([
      ["secret", "mail-key"],
      ["secret", "mail-key"],
    ]);
  });

  test("opens under a new master key after the rotation, and under a foreign one it is an error", async () => {
    await store().secrets.set("mail-key", "v");
    const next = new Uint8Array(32).fill(9);
    const rotating = await openStore({ url: url(), masterKey: [next, TEST_MASTER_KEY], system: system() });
    await rotating.close();
    const rotated = await openStore({ url: url(), masterKey: next, system: system() });
    expect(await rotated.secrets.read(["mail-key"])).toEqual(new Map([["mail-key", "v"]]));
    await rotated.close();
    await expect(store().secrets.read(["mail-key"])).rejects.toThrow("opens under no master key");
  });
}

function describeClaims({ store, another }: Opened): void {
  const key = { sub: "ada", connection: "desk", version: "v1" };
  beforeEach(() => store().connections.save(connection()));

  test("goes to one of many, in two processes at once", async () => {
    const other = await another();
    const claims = [store(), other, store(), other, store(), other].map((one) =>
      one.connections.claim(key, NOW, NOW + 15),
    );
    expect((await Promise.all(claims)).filter(Boolean)).toHaveLength(1);
  });

  test("ends by its time, by release, and with its version", async () => {
    expect(await store().connections.claim(key, NOW, NOW + 15)).toBe(true);
    expect(await store().connections.claim(key, NOW + 14, NOW + 30)).toBe(false);
    expect(await store().connections.claim(key, NOW + 15, NOW + 30)).toBe(true);
    await store().connections.release(key);
    expect(await store().connections.claim(key, NOW + 16, NOW + 30)).toBe(true);
    await store().connections.replace("v1", connection({ version: "v2" }));
    expect(await store().connections.claim({ ...key, version: "v2" }, NOW + 16, NOW + 30)).toBe(true);
  });

  test.each([
    ["an older version", { ...key, version: "v0" }],
    ["another person", { ...key, sub: "grace" }],
    ["another connection", { ...key, connection: "crm" }],
  ])("is not given for %s", async (_, wrong) => {
    expect(await store().connections.claim(wrong, NOW, NOW + 15)).toBe(false);
  });
}

function describeSealing({ store, url, system }: Opened): void {
  test("opens under a new master key after the rotation, and as ended under a foreign one", async () => {
    await store().connections.save(connection());
    const next = new Uint8Array(32).fill(9);
    const rotating = await openStore({ url: url(), masterKey: [next, TEST_MASTER_KEY], system: system() });
    await rotating.close();
    const rotated = await openStore({ url: url(), masterKey: next, system: system() });
    expect(await rotated.connections.find("ada", "desk")).toEqual(connection());
    await rotated.close();
    // The store that was opened before the rotation has the old key only.
    expect(await store().connections.find("ada", "desk")).toEqual(connection({ tokens: undefined }));
  });
}
