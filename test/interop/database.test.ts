import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { ROOT } from "./program.js";

const LAUNCHER = join(ROOT, "packages/sallyport/bin/sallyport.js");
const folder = mkdtempSync(join(tmpdir(), "sallyport-database-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** An installation of its own: file, database and key under one name. */
function installation(name: string): string {
  const file = join(folder, `${name}.yaml`);
  const text = `
storage: sqlite:./${name}.db
masterKey: { file: ./${name}.key }
servers: { notes: { upstream: "http://127.0.0.1:9/mcp", access: [{ roles: [staff], scopes: [mcp:read] }] } }
`;
  writeFileSync(file, text);
  return file;
}

function sallyport(...words: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [LAUNCHER, ...words], { encoding: "utf8" });
  return { status, said: stdout + stderr };
}

test("an operator saves an installation and brings it to another place, with the key by its own way", () => {
  const [from, to] = [installation("here"), installation("there")];
  const saved = join(folder, "saved.gz");
  expect(sallyport("db", "status", "--config", from)).toMatchObject({ status: 2 });
  expect(existsSync(join(folder, "here.db"))).toBe(false);
  sallyport("user", "add", "ada", "--role", "staff", "--config", from);
  expect(sallyport("db", "status", "--config", from)).toMatchObject({ status: 0 });

  const made = sallyport("db", "backup", saved, "--config", from);
  expect(made.status).toBe(0);
  expect(made.said).toContain(join(folder, "here.key"));
  expect(statSync(saved).mode & 0o077).toBe(0);
  const key = readFileSync(join(folder, "here.key"), "utf8").trim();
  expect(gunzipSync(readFileSync(saved)).toString("utf8")).not.toContain(key);
  expect(sallyport("db", "backup", saved, "--config", from).said).toContain("never overwrites");

  // No key is made by itself, since it would open nothing of the backup.
  const without = sallyport("db", "restore", saved, "--config", to);
  expect([without.status, without.said]).toEqual([2, expect.stringContaining(join(folder, "there.key"))]);
  expect(existsSync(join(folder, "there.key"))).toBe(false);
  copyFileSync(join(folder, "here.key"), join(folder, "there.key"));
  expect(sallyport("db", "restore", saved, "--config", to)).toMatchObject({ status: 0 });
  expect(sallyport("user", "list", "--config", to).said).toMatch(/^ada +staff/m);
  expect(sallyport("db", "restore", saved, "--config", to).said).toContain("--replace");
  const nowhere = sallyport("db", "backup", join(folder, "nowhere", "saved.gz"), "--config", from);
  expect([nowhere.status, nowhere.said]).toEqual([
    2,
    expect.stringMatching(/was not written: its folder does not exist$/m),
  ]);
  writeFileSync(saved, readFileSync(saved).subarray(0, 200));
  for (const [file, why] of [
    [saved, "it is cut short"],
    [to, "it is no backup"],
  ] as const) {
    const damaged = sallyport("db", "restore", file, "--replace", "--config", to);
    expect([damaged.status, damaged.said]).toEqual([2, expect.stringContaining(`was not restored: ${why}`)]);
  }
  expect(sallyport("user", "list", "--config", to).said).toMatch(/^ada +staff/m);

  // An id that was mistyped must not look like one whose tokens have ended.
  const nothing = sallyport(
    "revoke",
    "--client",
    "mistyped",
    "--issued-before",
    "2026-01-01T00:00:00Z",
    "--config",
    to,
  );
  expect([nothing.status, nothing.said]).toEqual([
    1,
    expect.stringContaining("No live session that began before 2026-01-01 00:00Z matched"),
  ]);
}, 180_000);
