import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { system } from "@sallyport/auth";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadMasterKey } from "../../packages/sallyport/src/sealing/master-key.js";
import { openStore, type Store } from "../../packages/sallyport/src/stores/store.js";
import { ROOT } from "../interop/program.js";

const ISSUER = "https://login.example.com";
const caller = { issuer: ISSUER, sub: "s1", client_id: "editor" };
const folder = mkdtempSync(join(tmpdir(), "sallyport-revoke-"));
const file = join(folder, "sallyport.yaml");

writeFileSync(
  file,
  `
publicUrl: https://mcp.example.com
servers:
  crm:
    upstream: http://127.0.0.1:9001/mcp
    authorizationServers: [{ issuer: "${ISSUER}" }]
    access: [{ users: ["${ISSUER}|s1"], scopes: [mcp:read] }]
`,
);

async function revoke(...args: readonly string[]): Promise<{ readonly code: number; readonly said: string }> {
  const command = [join(ROOT, "packages/sallyport/bin/sallyport.js"), "revoke", "--config", file, ...args];
  return promisify(execFile)(process.execPath, command).then(
    ({ stdout }) => ({ code: 0, said: stdout }),
    (error: { readonly code: number; readonly stderr: string }) => ({ code: error.code, said: error.stderr }),
  );
}

describe("sallyport revoke, for tokens of other authorization servers", () => {
  let store: Store;
  beforeAll(async () => {
    const masterKey = loadMasterKey({ file: join(folder, "sallyport.key"), system });
    store = await openStore({ url: `sqlite:${join(folder, "sallyport.db")}`, masterKey, system });
  });
  afterAll(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });
  const seen = (issued: number, client_id = "editor") =>
    store.externalGrants.observe({ ...caller, client_id, roles: [], issued });

  test("ends those of one subject through one client", async () => {
    const before = system.now();
    await seen(before - 10);
    const { code, said } = await revoke("--issuer", ISSUER, "--subject", "s1", "--client", "editor");
    expect([code, said]).toEqual([0, expect.stringContaining("1 known here")]);
    expect((await seen(1)).revoked_at).toBeGreaterThanOrEqual(before);
    expect((await seen(1, "other")).revoked_at).toBeUndefined();
  });

  test("ends those issued before a time", async () => {
    await revoke("--issuer", ISSUER, "--client", "third", "--issued-before", "2026-01-01T00:00:00Z");
    expect((await seen(1, "third")).revoked_at).toBe(Date.parse("2026-01-01T00:00:00Z") / 1000 - 1);
  });

  test("ends those of every issuer with --all", async () => {
    await revoke("--all");
    expect((await seen(1, "other")).revoked_at).toBeDefined();
  });

  test.each([
    ["an issuer that no server names", ["--issuer", "https://login.example.com/"], "no server of this installation"],
    ["a subject of nobody in particular", ["--subject", "s1"], "--subject goes with --issuer"],
    ["a user of ours beside", ["--issuer", ISSUER, "--user", "ada"], "--issuer goes with"],
  ])("refuses %s", async (_, args, says) => {
    const { code, said } = await revoke(...args);
    expect(code).not.toBe(0);
    expect(said).toContain(says);
  });
});
