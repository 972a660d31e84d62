import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { composeLog } from "./compose-log.js";
import { loadInstallation } from "./load-installation.js";
import { main } from "./main.js";
import { openInstalledStore } from "./open-store.js";
import { createProgramSystem } from "./program-system.js";
import { keepOutput } from "./testing/kept-output.js";

/* Where the master key is at fault, and not the database: a command says so, names where the key has to be, and says what to do. */
const said = keepOutput();
const OTHER = Buffer.alloc(32, 9).toString("base64");
const ENVIRONMENT = "SALLYPORT_TEST_FOREIGN_KEY";
let folder: string;
let key: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "sallyport-keys-"));
  key = join(folder, "sallyport.key");
  expect(await command("user", "list")).toBe(0);
  expect(await command("db", "backup", join(folder, "saved.gz"))).toBe(0);
});
afterEach(() => {
  delete process.env[ENVIRONMENT];
  rmSync(folder, { recursive: true });
});

const command = (...words: readonly string[]) => commandWith("", ...words);

/** A command on an installation with these settings; its exit code. */
function commandWith(settings: string, ...words: readonly string[]): Promise<number> {
  const file = join(folder, "sallyport.yaml");
  const servers =
    "servers: { notes: { upstream: 'http://127.0.0.1:9/mcp', access: [{ roles: [r], scopes: [mcp:read] }] } }";
  writeFileSync(file, `listen: { port: 0 }\n${settings}\n${servers}\n`);
  return main([...words, "--config", file]);
}

function setKey(text: string, mode = 0o600): void {
  rmSync(key);
  writeFileSync(key, text, { mode });
}

const removeDatabase = () => {
  for (const end of ["", "-wal", "-shm"]) rmSync(join(folder, `sallyport.db${end}`), { force: true });
};

test.each([
  ["is missing", () => rmSync(key), "the master key is missing: bring the one of OPENED to the file KEY"],
  [
    "is another one",
    () => setKey(OTHER),
    "was sealed under another master key than that of the file KEY: bring the one that sealed it back there",
  ],
  [
    "is too short",
    () => setKey(OTHER.slice(4)),
    'the master key file "KEY": key 1 is not base64 of exactly 32 bytes: ',
  ],
  ["is empty", () => setKey("\n"), 'the master key file "KEY" is empty: bring back the key as it was'],
  ["others may read", () => setKey(OTHER, 0o644), 'the master key file "KEY" has mode 0644: '],
  [
    "is a folder",
    () => {
      rmSync(key);
      mkdirSync(key);
    },
    'the master key file "KEY" is not a regular file: put the file itself there',
  ],
])("a key file that %s is named by whatever opens the store, and nothing is made", async (_, spoil, text) => {
  spoil();
  const isThere = existsSync(key);
  const saved = join(folder, "saved.gz");
  for (const [opened, ...words] of [
    ["this database", "user", "list"],
    ["this database", "db", "backup", join(folder, "new.gz")],
    [saved, "db", "restore", saved, "--replace"],
  ] as const) {
    said.errors = "";
    expect(await command(...words)).toBe(2);
    const [line, ...more] = said.errors.split("\n");
    expect(line).toContain(text.replace("KEY", key).replace("OPENED", opened));
    expect(more).toEqual([""]);
    expect(line).not.toContain(OTHER.slice(4));
  }
  expect([existsSync(key), existsSync(join(folder, "new.gz"))]).toEqual([isThere, false]);
});

test("a key file that is brought back opens everything, and only an empty database gets a new one", async () => {
  const away = join(folder, "away.key");
  renameSync(key, away);
  expect(await command("user", "list")).toBe(2);
  expect(said.errors).toContain("or start with an empty database");
  renameSync(away, key);
  expect(await command("user", "list")).toBe(0);
  const before = readFileSync(key, "utf8");
  rmSync(key);
  removeDatabase();
  expect(await command("user", "list")).toBe(0);
  expect(readFileSync(key, "utf8")).not.toBe(before);
});

test("a database that is at fault itself is named", async () => {
  removeDatabase();
  writeFileSync(join(folder, "sallyport.db"), "this is a letter ".repeat(200));
  expect(await command("user", "list")).toBe(2);
  expect(said.errors).toContain(`the store of "serve" in ${join(folder, "sallyport.db")}: file is not a database`);
});

test.each([
  [
    "a file where nothing can be",
    "{ file: ./sallyport.yaml/key }",
    /the master key file ".*\/sallyport\.yaml\/key" cannot be read: a part of its path is a file/,
  ],
  ["a variable with another key", `{ env: ${ENVIRONMENT} }`, /than that of the environment variable SALLYPORT_TEST_/],
  [
    "a command that prints another key",
    `{ command: [echo, "${OTHER}"] }`,
    /than that of the command echo of masterKey: bring the one that sealed it back there, or start with an empty/,
  ],
])("the place of the key is named: %s", async (_, place, text) => {
  process.env[ENVIRONMENT] = OTHER;
  expect(await commandWith(`masterKey: ${place}`, "user", "list")).toBe(2);
  expect(said.errors).toMatch(text);
  expect(said.errors).not.toContain(OTHER);
});

test("a decision log that was begun under another key says so, and how it goes on", async () => {
  const system = createProgramSystem("error", false);
  const openLog = async () => {
    const installation = loadInstallation(join(folder, "sallyport.yaml"));
    const store = await openInstalledStore(installation, system);
    try {
      await (await composeLog(installation, store, system)).close();
    } finally {
      await store.close();
    }
  };
  await openLog();
  const before = readFileSync(key, "utf8");
  removeDatabase();
  setKey(OTHER);
  await expect(openLog()).rejects.toThrow(
    `its key log-key.json was sealed under another master key than that of the file ${key}: bring the one that sealed it back there, behind`,
  );
  setKey(`${OTHER}\n${before}`);
  await openLog();
});
