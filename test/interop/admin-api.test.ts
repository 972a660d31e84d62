import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { startSdk2Server } from "../fixtures/sdk2-server.js";
import { createPerson, createStrictClient, type Program, ROOT, startProgram } from "./harness.js";

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "sallyport-admin-"));
const file = join(folder, "sallyport.yaml");
const PAGE = readFileSync(join(ROOT, "docs/admin-api.md"), "utf8");

let upstream: Awaited<ReturnType<typeof startSdk2Server>>;
let program: Program;
let admin: { readonly url: string; readonly token: string };

beforeAll(async () => {
  upstream = await startSdk2Server();
  writeFileSync(
    file,
    `
listen: { port: 0 }
admin: { port: 0 }
clients:
  desk: { name: The desk, redirectUris: ["https://desk.example/cb"], secret: a-secret-of-the-desk-that-is-long-enough-0123456789 }
servers:
  crm:
    upstream: ${upstream.url}
    access: [{ roles: [support], scopes: [mcp:read, mcp:write] }]
`,
  );
  program = await startProgram({ subcommand: "serve", arguments: [file] });
  admin = program.report.admin as typeof admin;
});
afterAll(async () => {
  await program?.stop();
  await upstream?.close();
  rmSync(folder, { recursive: true, force: true });
});

const token = () => readFileSync(admin.token, "utf8").trim();

async function ask(method: string, path: string, body?: unknown) {
  const answer = await fetch(admin.url + path, {
    method,
    headers: { authorization: `Bearer ${token()}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: answer.status, json: (await answer.json()) as Record<string, never> };
}

describe("The admin API of a running program", () => {
  test("says where it is and where its token lies, and the token is for this user alone", () => {
    expect(admin.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(statSync(admin.token).mode & 0o077).toBe(0);
    expect(token()).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(JSON.stringify(program.report) + program.log()).not.toContain(token());
  });

  test("is nowhere on the public listener, and the public pages are nowhere on it", async () => {
    expect(
      (await fetch(`${program.issuer}/v1/users`, { headers: { authorization: `Bearer ${token()}` } })).status,
    ).toBe(404);
    const there = await fetch(`${admin.url}/.well-known/oauth-authorization-server`);
    expect(there.status).toBe(401);
  });

  test("brings somebody in, and puts them out within two seconds", async () => {
    const added = await ask("POST", "/v1/users", { name: "sam", roles: ["support"] });
    const { code } = (added.json as unknown as { code: { code: string } }).code;
    const client = await createStrictClient(`${program.issuer}/mcp/crm`);
    const tokens = await client.authorize(createPerson({ code: () => code, userName: "sam" }), { scope: "mcp:read" });
    const call = async () =>
      (
        await fetch(`${program.issuer}/mcp/crm`, {
          method: "POST",
          headers: {
            authorization: `Bearer ${tokens.access_token}`,
            "content-type": "application/json",
            accept: "application/json, text/event-stream",
          },
          body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list", params: {} }),
        })
      ).status;
    expect(await call()).not.toBe(401);
    const sessions = (await ask("GET", "/v1/sessions?user=sam")).json as unknown as {
      sessions: { client_id: string }[];
    };
    expect(sessions.sessions).toHaveLength(1);
    const [{ client_id = "" } = {}] = sessions.sessions;
    expect((await ask("GET", `/v1/clients/${encodeURIComponent(client_id)}`)).json).toMatchObject({
      kind: "registered",
    });
    expect((await ask("DELETE", `/v1/clients/${encodeURIComponent(client_id)}`)).json).toEqual({
      registered: true,
      sessions: 1,
    });
    await vi.waitFor(async () => expect(await call()).toBe(401), { timeout: 2_000, interval: 50 });
    expect(program.log()).toContain('"route":"DELETE /v1/clients/{client_id}"');
    expect(program.log()).not.toContain(code);
  });

  const examples = [...PAGE.matchAll(/^```sh\n([\s\S]*?)^```/gm)].flatMap(([, block = ""]) => block.trim().split("\n"));

  test("the page has an example of every path", async () => {
    const { json } = await ask("GET", "/openapi.json");
    const { paths } = json as unknown as { paths: Record<string, Record<string, unknown>> };
    const shown = examples.map((line) => ({
      method: /-X (\w+)/.exec(line)?.[1] ?? (line.includes("--json") ? "POST" : "GET"),
      path: /\$ADMIN([^\s"?]+)/.exec(line)?.[1] ?? "",
    }));
    const missing = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods)
        .filter(
          (method) =>
            !shown.some(
              (one) =>
                one.method.toLowerCase() === method &&
                new RegExp(`^${path.replace(/\{\w+\}/g, "[^/]+")}$`).test(one.path),
            ),
        )
        .map((method) => `${method} ${path}`),
    );
    expect(missing).toEqual(["get /v1/users/{user}"]);
  });

  test.each(examples)("as the page says: %s", async (line) => {
    const environment = { PATH: process.env.PATH, ADMIN: admin.url, TOKEN: token() };
    const { stdout } = await run("bash", ["-c", `${line} -w '\\n%{http_code}'`], { env: environment });
    const [, body = "", status] = /^([\s\S]*)\n(\d+)$/.exec(stdout) ?? [];
    const made = line.includes('"name"') && line.endsWith("/v1/users");
    expect([Number(status), (JSON.parse(body) as { error?: string }).error]).toEqual([made ? 201 : 200, undefined]);
  });
});
