import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { system } from "@sallyport/auth";
import { sql } from "kysely";
import Libsql from "libsql";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  TEST_NOW as NOW,
  testClient,
  testGrant,
  testRedemption,
  testSession,
} from "../../../auth/src/testing/records.contract.js";
import { createClientStore } from "./clients.js";
import { migrate } from "./migrate.js";
import { TEST_MASTER_KEY } from "./opened.contract.js";
import { createReplayStore } from "./replay.js";
import { openSqlite } from "./sqlite.js";
import { openStore, type Store } from "./store.js";

let folder: string;
let file: string;
let opened: Store[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sallyport-file-"));
  file = join(folder, "state", "sallyport.db");
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((store) => store.close()));
  rmSync(folder, { recursive: true });
});

async function open(options: { readonly file?: string; readonly busyTimeoutMs?: number } = {}): Promise<Store> {
  const { busyTimeoutMs = 5_000 } = options;
  const store = await openStore({
    url: `sqlite:${options.file ?? file}`,
    masterKey: TEST_MASTER_KEY,
    system,
    busyTimeoutMs,
  });
  opened.push(store);
  return store;
}

const modeOf = (path: string) => statSync(path).mode & 0o777;

describe("the database file", () => {
  test("and what SQLite keeps beside it are readable by their owner alone", async () => {
    const store = await open();
    await store.clients.add(testClient("editor"));
    expect(modeOf(join(folder, "state"))).toBe(0o700);
    for (const suffix of ["", "-wal", "-shm"]) expect(modeOf(`${file}${suffix}`)).toBe(0o600);
  });

  test("is closed to others when it was open to them, in a folder that is left as it is", async () => {
    mkdirSync(join(folder, "state"));
    chmodSync(join(folder, "state"), 0o755);
    writeFileSync(file, "");
    chmodSync(file, 0o644);
    await open();
    expect(modeOf(file)).toBe(0o600);
    expect(modeOf(join(folder, "state"))).toBe(0o755);
  });

  test("keeps what it was told, across closing and opening", async () => {
    const first = await open();
    await first.clients.add(testClient("editor", { expires: undefined }));
    const { kid } = await first.keys.current();
    await first.close();
    const second = await open();
    expect(await second.clients.find("editor", NOW)).toEqual(testClient("editor", { expires: undefined }));
    expect((await second.keys.current()).kid).toBe(kid);
  });

  test("is synced to the disk at each commit", async () => {
    const backend = await openSqlite({ file });
    const pragma = async (name: string) => {
      const { rows } = await sql.raw(`pragma ${name}`).execute(backend.db);
      return Object.values(rows[0] as object)[0];
    };
    expect([await pragma("journal_mode"), await pragma("synchronous"), await pragma("foreign_keys")]).toEqual([
      "wal",
      2,
      1,
    ]);
    await backend.close();
  });

  test("holds no secret in the clear: refresh tokens, codes and pending ids as hashes, the rest sealed", async () => {
    const store = await open();
    const { kid } = await store.keys.current();
    await store.pending.save({
      id: "pending-id-of-the-browser",
      client_id: "editor",
      redirect_uri: "http://127.0.0.1/cb",
      state: undefined,
      code_challenge: "challenge",
      scopes: [],
      resource: undefined,
      prompt: undefined,
      dpop_jkt: undefined,
      created: NOW,
      expires: NOW + 600,
    });
    await store.browserSessions.save("hash-of-the-cookie", {
      sub: "ada",
      auth_time: NOW,
      purpose: "flow",
      pending_id: "pending-id-of-the-browser",
      csrf_secret: "csrf-secret-of-the-browser",
      expires: NOW + 600,
    });
    await store.close();
    const raw = new Libsql(file);
    const tables = raw.prepare("select name from sqlite_master where type = 'table'").all([]) as { name: string }[];
    const dump = tables.map(({ name }) => JSON.stringify(raw.prepare(`select * from ${name}`).all([]))).join("\n");
    raw.close();
    expect(dump).toContain(kid);
    expect(dump).toContain("hash-of-the-cookie");
    for (const secret of ["pending-id-of-the-browser", "csrf-secret-of-the-browser", '"d":', '\\"d\\":']) {
      expect(dump).not.toContain(secret);
    }
  });
});

describe("what cannot be answered is refused", () => {
  test("a schema newer than the program", async () => {
    const store = await open();
    await store.close();
    const raw = new Libsql(file);
    raw.exec("update facts set value = '999' where name = 'schema'");
    raw.close();
    await expect(open()).rejects.toThrow(/schema version 999.*newer version/);
  });

  test("a file that is no database", async () => {
    mkdirSync(join(folder, "state"));
    writeFileSync(file, "this is a letter, not a database ".repeat(200));
    await expect(open()).rejects.toThrow(/not a database/);
  });

  test.each(["mysql://root:hunter2@db/sallyport", "sallyport.db", "sqlite:", "", "constructor:x"])(
    "a storage URL %j, without repeating what may be a password",
    async (url) => {
      const failure = await openStore({ url, masterKey: TEST_MASTER_KEY, system }).catch((error: Error) => error);
      expect(failure).toBeInstanceOf(Error);
      expect(String(failure)).toMatch(/storage: .* no known scheme/);
      expect(String(failure)).not.toContain("hunter2");
    },
  );

  test("a write while another process holds the file; reads go on, and so does the write afterwards", async () => {
    const store = await open({ busyTimeoutMs: 60 });
    await store.clients.add(testClient("editor"));
    const other = new Libsql(file);
    other.exec("begin immediate");
    await expect(store.replay.record("jti", "a", NOW + 1, NOW)).rejects.toThrow(/locked/);
    await expect(store.codes.redeem("code", testRedemption())).rejects.toThrow(/locked/);
    expect(await store.clients.find("editor", NOW)).toBeDefined();
    expect(await store.feed.head()).toBe(0);
    other.exec("rollback");
    other.close();
    expect(await store.replay.record("jti", "a", NOW + 1, NOW)).toBe(true);
  });

  test("and after such a write everything is heard of that others write, and written as before", async () => {
    const store = await open({ busyTimeoutMs: 60 });
    const other = new Libsql(file);
    other.exec("begin exclusive");
    const refused = { reason: "store_unavailable" };
    await expect(store.clients.add(testClient("refused"))).rejects.toMatchObject(refused);
    await expect(store.codes.redeem("code", testRedemption())).rejects.toMatchObject(refused);
    await expect(store.sessions.revoke({ sub: "ada" }, NOW)).rejects.toMatchObject(refused);
    other.exec("rollback");
    other.close();
    const second = await open();
    // A statement left half executed would hold what this connection reads at its first reading from here on.
    for (const [index, id] of ["one", "two", "three"].entries()) {
      await second.grants.widen(testGrant({ id, sub: id }));
      await second.sessions.create(testSession({ id, grant_id: id, sub: id }), undefined);
      await second.sessions.revoke({ session_id: id }, NOW);
      expect(await store.feed.head()).toBe(index + 1);
      expect((await store.sessions.find(id))?.revoked).toBe(NOW);
    }
    await store.clients.add(testClient("afterwards"));
    expect(await second.clients.find("afterwards", NOW)).toBeDefined();
  });

  test("a write waits for a process that lets go in time", async () => {
    const store = await open();
    const other = new Libsql(file);
    other.exec("begin immediate");
    let done = false;
    const recorded = store.replay.record("jti", "a", NOW + 1, NOW).finally(() => {
      done = true;
    });
    await store.feed.head();
    expect(done).toBe(false);
    other.exec("rollback");
    other.close();
    expect(await recorded).toBe(true);
  });

  test("a write to a full disk, and nothing of it stays", async () => {
    const backend = await openSqlite({ file });
    await migrate(backend);
    await sql.raw("pragma wal_checkpoint(truncate)").execute(backend.db);
    await sql.raw("pragma max_page_count = 1").execute(backend.db);
    const clients = createClientStore(backend);
    const name = "x".repeat(200_000);
    await expect(clients.add(testClient(name))).rejects.toThrow(/full/);
    expect(await clients.find(name, NOW)).toBeUndefined();
    await sql.raw("pragma max_page_count = 100000").execute(backend.db);
    expect(await createReplayStore(backend).record("jti", "a", NOW + 1, NOW)).toBe(true);
    await backend.close();
  });

  test("every question after closing", async () => {
    const store = await open();
    await store.close();
    opened = [];
    await expect(store.feed.since(0)).rejects.toThrow();
    await expect(store.codes.redeem("code", testRedemption())).rejects.toThrow();
  });
});

test("a step that fails in the middle leaves nothing behind", async () => {
  const store = await open();
  await store.grants.widen(testGrant());
  await store.sessions.create(testSession({ id: "first" }), "taken");
  await expect(store.sessions.create(testSession({ id: "second" }), "taken")).rejects.toThrow();
  expect(await store.sessions.find("second")).toBeUndefined();
});

test("a database in memory works like one on the disk, and leaves no file", async () => {
  const store = await open({ file: ":memory:" });
  await store.clients.add(testClient("editor"));
  expect(await store.clients.find("editor", NOW)).toBeDefined();
  expect(existsSync(":memory:")).toBe(false);
});
