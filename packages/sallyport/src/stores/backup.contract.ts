import { createHash } from "node:crypto";
import { sql } from "kysely";
import { describe, expect, test } from "vitest";
import {
  TEST_NOW as NOW,
  testClient,
  testCode,
  testGrant,
  testPending,
  testSession,
} from "../../../auth/src/testing/records.contract.js";
import { createSealer } from "../sealing/sealer.js";
import { backup } from "./backup.js";
import { splitLines } from "./backup-file.js";
import { migrate } from "./migrate.js";
import { openBackend } from "./open-backend.js";
import { type DatabaseUnderTest, type Opened, TEST_MASTER_KEY, useStore } from "./opened.contract.js";
import { type RestoreOptions, restore } from "./restore.js";
import { readStatus } from "./status.js";
import { openStore, type Store } from "./store.js";
import { KEPT_TABLES, TABLE_NAMES, TABLES } from "./tables.js";

/** Saving one kind of database and putting it back into any. `others` are what it may be moved to. */
export function describeBackup(database: DatabaseUnderTest, others: readonly DatabaseUnderTest[] = [database]): void {
  describe(`backup contract: ${database.name}`, () => {
    const opened = useStore(database);
    describe("status", () => describeStatus(opened));
    describe("what is in a backup", () => describeSaved(opened));
    for (const other of others) describe(`restoring into ${other.name}`, () => describeRestored(opened, other));
    describe("what is refused", () => describeRefused(opened));
  });
}

/** Names that a person or a program may have chosen: nothing of them may break a line or a statement. */
const NAME = 'Zoë "O\'Neil"\u2028\n\\ \u0000-free \u{1F511}'.replace("\u0000", "");

async function fill(store: Store): Promise<void> {
  await store.users.add({
    sub: "ada",
    name: "ada",
    roles: [NAME],
    owner: false,
    disabled: false,
    password_hash: "$argon2id$hash",
    created: NOW,
  });
  await store.users.addPasskey("ada", {
    id: "key",
    public_key: "pk",
    counter: 0,
    transports: [],
    label: NAME,
    created: NOW,
  });
  await store.entitlements.set("ada", "crm", ["mcp:read"]);
  await store.clients.add(testClient("editor"));
  await store.grants.widen(testGrant());
  await store.sessions.create(testSession({ label: NAME }), "refresh");
  await store.pending.save(testPending());
  await store.codes.save("code", testCode());
  await store.replay.record("jti", "j1", NOW + 9_999, NOW);
  await store.oneTimeCodes.issue({ purpose: "user", sub: "ada", code_hash: "one-time", expires: NOW + 9_999 });
  await store.keys.current();
  await store.sessions.revoke({ session_id: "nobody" }, NOW);
}

const at = (url: string, opened: Opened) => openBackend({ url, system: opened.system() });

async function save(url: string, opened: Opened): Promise<string> {
  const backend = await at(url, opened);
  let text = "";
  await backup(backend, {
    now: NOW,
    sealer: createSealer(TEST_MASTER_KEY, opened.system()),
    write: async (part) => {
      text += part;
    },
  });
  await backend.close();
  return text;
}

async function* linesOf(text: string): AsyncGenerator<string> {
  const bytes = new TextEncoder().encode(text);
  // Chunks that end in the middle of a character.
  const chunks = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, index) =>
    bytes.slice(index * 7, index * 7 + 7),
  );
  yield* splitLines(
    (async function* () {
      yield* chunks;
    })(),
  );
}

async function putBack(
  url: string,
  text: string,
  opened: Opened,
  options: Partial<RestoreOptions> & { key?: Uint8Array } = {},
) {
  const { key = TEST_MASTER_KEY, ...rest } = options;
  const backend = await at(url, opened);
  try {
    const sealer = createSealer(key, opened.system());
    return await restore(backend, () => linesOf(text), {
      sealer,
      now: NOW + 5,
      replace: false,
      keepGrants: false,
      ...rest,
    });
  } finally {
    await backend.close();
  }
}

/** Everything of the tables that a backup keeps, in an order of its own. */
async function contents(url: string, opened: Opened): Promise<Readonly<Record<string, unknown>>> {
  const backend = await at(url, opened);
  const all: Record<string, unknown> = {};
  for (const table of KEPT_TABLES) {
    const { rows } = await sql`select * from ${sql.table(table)}`.execute(backend.db);
    all[table] = rows.map((row) => JSON.stringify(row, Object.keys(row as object).sort())).sort();
  }
  await backend.close();
  return all;
}

function describeStatus(opened: Opened): void {
  test("names the version, what is pending, the size, and the rows of every table", async () => {
    await fill(opened.store());
    const backend = await at(opened.url(), opened);
    const status = await readStatus(backend);
    await backend.close();
    expect(status).toMatchObject({ schema: status.wanted, rows: { users: 1, clients: 1, sessions: 1, pending: 1 } });
    expect(status.bytes).toBeGreaterThan(10_000);
    expect(Object.keys(status.rows).sort()).toEqual([...TABLE_NAMES].sort());
  });

  test("of a database without tables is version 0; migrating makes them once, however many begin at once", async () => {
    const url = await opened.emptyUrl();
    const backends = await Promise.all([1, 2, 3, 4].map(() => at(url, opened)));
    const [first] = backends;
    if (first === undefined) throw new Error("none is open");
    expect(await readStatus(first)).toMatchObject({ schema: 0, rows: {} });
    const before = await Promise.all(backends.map(migrate));
    const { schema, wanted } = await readStatus(first);
    expect(schema).toBe(wanted);
    expect(before.sort()).toEqual([0, wanted, wanted, wanted]);
    await Promise.all(backends.map((backend) => backend.close()));
  });
}

function describeSaved(opened: Opened): void {
  test("is every table that has to outlive a disk, and nothing that lives minutes or is a secret", async () => {
    await fill(opened.store());
    const text = await save(opened.url(), opened);
    const tables = text.split("\n").flatMap((line) => (line.startsWith("[") ? [JSON.parse(line)[0] as string] : []));
    expect(new Set(tables)).toEqual(
      new Set([
        "facts",
        "counters",
        "signing_keys",
        "users",
        "passkeys",
        "entitlements",
        "clients",
        "grants",
        "sessions",
        "refresh_tokens",
        "replay",
      ]),
    );
    for (const table of TABLE_NAMES.filter((name) => TABLES[name].transient === true))
      expect(tables).not.toContain(table);
    for (const form of ["base64", "base64url", "hex"] as const) {
      expect(text).not.toContain(Buffer.from(TEST_MASTER_KEY).toString(form));
    }
    expect(text).not.toContain('"d":');
  });

  test("is as of one moment, though others write meanwhile; and keeps none of them waiting", async () => {
    await fill(opened.store());
    const backend = await at(opened.url(), opened);
    let text = "";
    let written = 0;
    await backup(backend, {
      now: NOW,
      sealer: createSealer(TEST_MASTER_KEY, opened.system()),
      write: async (part) => {
        text += part;
        if (written === 0) {
          // After the first line was read: what is added now comes in all tables at once, or in none.
          await opened.store().clients.add(testClient("late"));
          await opened.store().grants.widen(testGrant({ id: "late", client_id: "late" }));
        }
        written += 1;
      },
    });
    await backend.close();
    expect(text).not.toContain("late");
    expect(await opened.store().clients.find("late", NOW)).toBeDefined();
  });

  test("has every row of a table that takes several reads", async () => {
    const ids = Array.from({ length: 1_203 }, (_, index) => `j${index}`);
    for (const id of ids) await opened.store().replay.record("jti", id, NOW + 9_999, NOW);
    const text = await save(opened.url(), opened);
    for (const id of ids) expect(text.includes(`"${id}"`)).toBe(true);
  });

  test("of a database that was never used is refused", async () => {
    await expect(save(await opened.emptyUrl(), opened)).rejects.toThrow("never used");
  });
}

function describeRestored(opened: Opened, other: DatabaseUnderTest): void {
  test("brings back every row as it was, where that is asked for", async () => {
    await fill(opened.store());
    const text = await save(opened.url(), opened);
    const url = await other.createUrl();
    expect(await putBack(url, text, opened, { keepGrants: true })).toMatchObject({ created: NOW, ended: 0 });
    const { counters: _, ...restored } = await contents(url, opened);
    const { counters: __, ...before } = await contents(opened.url(), opened);
    expect(restored).toEqual(before);
    const store = await openStore({ url, masterKey: TEST_MASTER_KEY, system: opened.system() });
    expect((await store.keys.current()).kid).toBe((await opened.store().keys.current()).kid);
    expect((await store.users.findByName("ada"))?.roles).toEqual([NAME]);
    await store.close();
  });

  test("ends all that was granted, since nobody knows what was ended after the backup", async () => {
    await fill(opened.store());
    const text = await save(opened.url(), opened);
    const url = await other.createUrl();
    expect(await putBack(url, text, opened)).toMatchObject({ ended: 1 });
    const store = await openStore({ url, masterKey: TEST_MASTER_KEY, system: opened.system() });
    expect((await store.sessions.find("session"))?.revoked).toBe(NOW + 5);
    expect(await store.grants.list("ada")).toEqual([]);
    expect(await store.oneTimeCodes.redeem("user", "one-time", NOW)).toEqual({ status: "none" });
    const changes = await store.feed.since(0);
    expect(changes.map(({ kind, key }) => [kind, key])).toContainEqual(["cutoff", String(NOW + 5)]);
    await store.close();
  });

  test("over a database in use: processes that run hear of it, whatever they have read so far", async () => {
    await fill(opened.store());
    const text = await save(opened.url(), opened);
    const url = await other.createUrl();
    const running = await openStore({ url, masterKey: TEST_MASTER_KEY, system: opened.system() });
    await running.users.add({
      sub: "eve",
      name: "eve",
      roles: [],
      owner: false,
      disabled: false,
      password_hash: undefined,
      created: NOW,
    });
    for (let i = 0; i < 20; i += 1) await running.entitlements.set("eve", "crm", [`s${i}`]);
    const head = await running.feed.head();
    await expect(putBack(url, text, opened)).rejects.toThrow("--replace");
    expect(await running.users.findByName("eve")).toBeDefined();
    await putBack(url, text, opened, { replace: true });
    expect((await running.feed.since(head)).map(({ kind }) => kind)).toContain("cutoff");
    expect(await running.users.findByName("eve")).toBeUndefined();
    expect(await running.users.findByName("ada")).toBeDefined();
    await running.close();
  });
}

/** Another text in the one place that is meant: in the row of Ada, since keys and names elsewhere may read alike. @throws Error without one */
function inUsersRow(text: string, found: string, other: string): string {
  const start = text.indexOf('\n["users",') + 1;
  const end = text.indexOf("\n", start);
  const row = text.slice(start, end);
  if (start === 0 || !row.includes(found)) throw new Error(`no row of a user has ${found}`);
  return text.slice(0, start) + row.replace(found, other) + text.slice(end);
}

const giveRole = (text: string) => inUsersRow(text, "Zoë", "Xoë");

/** As somebody does it who can write to the file and does not have the master key. */
function forge(text: string): string {
  const body = giveRole(text.slice(0, text.lastIndexOf("\n{") + 1));
  const { rows } = JSON.parse(text.slice(text.lastIndexOf("\n{") + 1)) as { rows: number };
  const sha256 = createHash("sha256").update(body).digest("hex");
  return `${body}${JSON.stringify({ rows, sha256, hmac: sha256 })}\n`;
}

function describeRefused(opened: Opened): void {
  const damages: readonly (readonly [string, (text: string) => string, string])[] = [
    ["an empty file", () => "", "breaks off"],
    ["something else", () => '{"format":"other"}\n', "no backup"],
    ["one that breaks off between two lines", (text) => text.slice(0, text.lastIndexOf("\n{") + 1), "breaks off"],
    ["one that breaks off within a line", (text) => text.slice(0, text.length - 40), "not JSON"],
    [
      "one with a row more",
      (text) => inUsersRow(text, '["users"', '["replay",{"kind":"a","key":"b","expires":1}]\n["users"'),
      "changed or damaged",
    ],
    ["one with another role", giveRole, "changed or damaged"],
    ["one with another role and the hash that it has now", forge, "changed or damaged"],
    ["a table that nobody knows", (text) => inUsersRow(text, '["users"', '["sqlite_master"'), "a row of it is damaged"],
    [
      "a column that is no name",
      (text) => inUsersRow(text, '"password_hash"', '"a) values (1); --"'),
      "a row of it is damaged",
    ],
    ["something behind its end", (text) => `${text}[]\n`, "more behind its end"],
    [
      "a newer form",
      (text) => text.replace(/^{"format":"sallyport-backup","version":1/, '{"format":"sallyport-backup","version":2'),
      "newer version",
    ],
    ["a newer schema", (text) => text.replace(/(?<=^{[^{}]*)"schema":\d+/, '"schema":999'), "changed or damaged"],
  ];
  test.each(damages)("%s: nothing is changed", async (_, damage, why) => {
    await fill(opened.store());
    const text = await save(opened.url(), opened);
    const before = await contents(opened.url(), opened);
    await expect(putBack(opened.url(), damage(text), opened, { replace: true })).rejects.toThrow(why);
    expect(await contents(opened.url(), opened)).toEqual(before);
  });

  test("a backup that was sealed under another master key", async () => {
    await fill(opened.store());
    const text = await save(opened.url(), opened);
    const url = await opened.emptyUrl();
    const key = new Uint8Array(32).fill(8);
    await expect(putBack(url, text, opened, { key })).rejects.toThrow("another master key");
  });
}
