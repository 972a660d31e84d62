import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestBrowser, type TestBrowser } from "../../packages/sallyport/src/sign-in/testing/browser.js";
import { startSdk2Server } from "../fixtures/sdk2-server.js";
import { type Program, ROOT, startProgram } from "./harness.js";

const LAUNCHER = join(ROOT, "packages/sallyport/bin/sallyport.js");
const folder = mkdtempSync(join(tmpdir(), "sallyport-explain-"));
const file = join(folder, "sallyport.yaml");

let upstream: Awaited<ReturnType<typeof startSdk2Server>>;
let program: Program;

beforeAll(async () => {
  upstream = await startSdk2Server();
  writeFileSync(
    file,
    `
listen: { port: 0 }
operators: { users: [olga] }
servers:
  notes:
    upstream: ${upstream.url}
    access: [{ roles: [support], scopes: [mcp:read] }]
    rules: [{ deny: tools/count, because: Counting takes too long. }]
`,
  );
  program = await startProgram({ subcommand: "serve", arguments: [file] });
});

afterAll(async () => {
  await program?.stop();
  await upstream?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Invites somebody, who signs in and sets a password. */
async function signIn(name: string, ...roles: readonly string[]): Promise<TestBrowser> {
  const flags = roles.flatMap((role) => ["--role", role]);
  const said = execFileSync(process.execPath, [LAUNCHER, "user", "add", name, ...flags, "--config", file], {
    encoding: "utf8",
  });
  const code = /Sign-in code: (\S+)/.exec(said)?.[1] ?? "";
  const browser = createTestBrowser(program.issuer, (request) => fetch(request, { redirect: "manual" }));
  const asked = await browser.get((await browser.get("/account/explain")).location);
  const setUp = await browser.get((await browser.submit(asked, "/sign-in/code", { code })).location);
  const done = await browser.submit(setUp, "/password", { password: "violet kettle answers twice" });
  expect(done.location).toContain("/account/explain");
  return browser;
}

async function ask(browser: TestBrowser, question: object): Promise<Record<string, unknown>> {
  const headers = new Headers(browser.request("/account/explain").headers);
  headers.set("content-type", "application/json");
  headers.set("origin", program.issuer);
  const response = await fetch(`${program.issuer}/account/explain`, {
    method: "POST",
    headers,
    body: JSON.stringify(question),
  });
  return (await response.json()) as Record<string, unknown>;
}

test("a running server answers by its file, its catalogue and its records, and an operator sees more", async () => {
  const alice = await signIn("alice", "support");
  expect((await alice.get("/account/explain")).html).toContain("Is that allowed?");
  expect(await ask(alice, { tool: "read_note" })).toMatchObject({
    allow: false,
    outcome: "scope",
    missingScopes: ["mcp:read"],
    used: { server: "notes", user: "alice", roles: ["support"], entitled: ["mcp:read"], granted: [] },
  });
  expect(await ask(alice, { tool: "count" })).toMatchObject({
    outcome: "rule",
    rule: "notes.rules[0]",
    reason: "Counting takes too long.",
  });
  expect(await ask(alice, { tool: "write_note" })).toMatchObject({ outcome: "unknown" });
  expect(await ask(alice, { tool: "read_note", user: "olga" })).toMatchObject({ field: "user" });
  const olga = await signIn("olga");
  expect(await ask(olga, { tool: "count", user: "alice" })).toMatchObject({
    rule: "notes.rules[0]@sallyport.yaml:8",
    line: 8,
    used: { user: "alice", entitled: ["mcp:read"] },
  });
  expect(await ask(olga, { tool: "read_note" })).toMatchObject({ outcome: "unknown", notEntitled: expect.anything() });
  await expect.poll(() => program.log(), { timeout: 5_000 }).toContain("explained for somebody else");
});
