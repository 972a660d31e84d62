import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createCertificate } from "../fixtures/certificate.js";
import { startSdk2Server } from "../fixtures/sdk2-server.js";
import { createPerson, createStrictClient, type Person, type Program, ROOT, startProgram } from "./harness.js";

const LAUNCHER = join(ROOT, "packages/sallyport/bin/sallyport.js");
const folder = mkdtempSync(join(tmpdir(), "sallyport-serve-"));
const file = join(folder, "sallyport.yaml");

let upstream: Awaited<ReturnType<typeof startSdk2Server>>;
let program: Program;

/** The operator at a second terminal, while the program runs. */
function operator(...words: readonly string[]): string {
  return execFileSync(process.execPath, [LAUNCHER, ...words, "--config", file], { encoding: "utf8" });
}

function invite(name: string, ...roles: readonly string[]): Person {
  const said = operator("user", "add", name, ...roles.flatMap((role) => ["--role", role]));
  const code = /Sign-in code: (\S+)/.exec(said)?.[1];
  if (code === undefined) throw new Error(`no code in ${JSON.stringify(said)}`);
  return createPerson({ code: () => code, userName: name });
}

/** What the operator reads on standard error. */
function refusal(...words: readonly string[]): string {
  const { status, stderr } = spawnSync(process.execPath, [LAUNCHER, ...words, "--config", file], { encoding: "utf8" });
  expect(status).toBe(2);
  return stderr.trim();
}

const urlOf = (name: string) => `${program.issuer}/mcp/${name}`;

async function call(url: string, token: string, method: string, params = {}): Promise<Response> {
  const meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": { name: "t", version: "1" },
  };
  return fetch(url, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": method,
      ...("name" in params ? { "mcp-name": String(params.name) } : {}),
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { ...params, _meta: meta } }),
  });
}

beforeAll(async () => {
  upstream = await startSdk2Server();
  writeFileSync(
    file,
    `
listen: { port: 0 }
servers:
  notes:
    upstream: ${upstream.url}
    access:
      - { roles: [support], scopes: [mcp:read] }
      - { users: [lea], scopes: [mcp:read, mcp:write] }
    metadata: { resource_documentation: https://docs.example.com/notes }
  files:
    command: [${JSON.stringify(process.execPath)}, ${JSON.stringify(join(ROOT, "node_modules/.bin/mcp-server-filesystem"))}, ${JSON.stringify(folder)}]
    access: [{ roles: [support], scopes: [files] }]
    scopes:
      files: { title: Look at files, allow: [tools/list_*, tools/read_*] }
`,
  );
  program = await startProgram({ subcommand: "serve", arguments: [file] });
});

afterAll(async () => {
  await program?.stop();
  await upstream?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("sallyport serve", () => {
  test("serves each server at its own path, with its own metadata, and no root document (R-07)", async () => {
    const prm = async (path: string) => fetch(`${program.issuer}/.well-known/oauth-protected-resource${path}`);
    expect(await (await prm("/mcp/notes")).json()).toMatchObject({
      resource: urlOf("notes"),
      resource_documentation: "https://docs.example.com/notes",
      scopes_supported: ["mcp:read"],
    });
    expect(await (await prm("/mcp/files")).json()).toMatchObject({
      resource: urlOf("files"),
      scopes_supported: ["files"],
    });
    expect((await prm("")).status).toBe(404);
    expect((await prm("/mcp/other")).status).toBe(404);
  });

  test("says so where an address is that of a server but for a slash at its end", async () => {
    const adviceAt = async (url: string) => (await (await call(url, "none", "tools/list")).json()).error_description;
    expect(await adviceAt(`${urlOf("notes")}/`)).toContain("without the slash at its end");
    expect(await adviceAt(`${urlOf("other")}/`)).toContain("check the URL");
  });

  test("keeps its store and its key to this user", () => {
    for (const name of ["sallyport.db", "sallyport.key"]) expect(statSync(join(folder, name)).mode & 0o077).toBe(0);
  });

  test("entitles by role and by user, and a token of one server is none of another (R-21)", async () => {
    const sam = invite("sam", "support");
    const client = await createStrictClient(urlOf("notes"));
    const tokens = await client.authorize(sam, { scope: "mcp:read mcp:write", answer: { scopes: "all" } });
    expect(tokens.scope).toBe("mcp:read");
    expect((await call(urlOf("notes"), tokens.access_token, "tools/list")).status).toBe(200);
    expect((await call(urlOf("files"), tokens.access_token, "tools/list")).status).toBe(401);
    const write = { name: "write_note", arguments: { name: "a", text: "b" } };
    // Sam can never be granted it: as if it were missing, and no consent page could help.
    expect((await call(urlOf("notes"), tokens.access_token, "tools/call", write)).headers.get("www-authenticate")).toBe(
      null,
    );

    const lea = invite("lea");
    const wide = await (await createStrictClient(urlOf("notes"))).authorize(lea, {
      scope: "mcp:write",
      answer: { scopes: "all" },
    });
    expect((await call(urlOf("notes"), wide.access_token, "tools/call", write)).status).toBe(200);
  });

  test("refuses a disabled user within two seconds, and lets nobody in without an entitlement", async () => {
    const kim = invite("kim", "support");
    const client = await createStrictClient(urlOf("notes"));
    const tokens = await client.authorize(kim, { scope: "mcp:read" });
    expect((await call(urlOf("notes"), tokens.access_token, "tools/list")).status).toBe(200);
    operator("user", "disable", "kim");
    const from = performance.now();
    let status = 200;
    while (status === 200 && performance.now() - from < 2_000) {
      status = (await call(urlOf("notes"), tokens.access_token, "tools/list")).status;
    }
    expect(status).toBe(401);
    await expect(client.refresh(tokens.refresh_token ?? "")).rejects.toThrow();
    const nobody = invite("nobody");
    await expect((await createStrictClient(urlOf("notes"))).authorize(nobody)).rejects.toThrow(/access/i);
  });
});

describe("the operator at a second terminal", () => {
  test.each([
    ["has no owner to make a code for", ["owner", "code"], "a `serve` installation has no owner"],
    ["says which server", ["user", "allow", "lea", "mcp:read"], "--server: say which one; there are: notes, files"],
    ["names a server of the file", ["user", "allow", "lea", "--server", "x"], 'there is no server "x"'],
  ])("%s", (_, words, message) => {
    expect(refusal(...words)).toContain(message);
  });
});

describe("own TLS", () => {
  test("serves https with the certificate that was named (R-66)", async () => {
    const { cert, key } = createCertificate(["localhost", "127.0.0.1"]);
    writeFileSync(join(folder, "cert.pem"), cert);
    writeFileSync(join(folder, "key.pem"), key, { mode: 0o600 });
    const flags = [
      "--tls-cert",
      join(folder, "cert.pem"),
      "--tls-key",
      join(folder, "key.pem"),
      "--public-url",
      "https://localhost",
    ];
    const secure = await startProgram({ arguments: [...flags, "--url", upstream.url] });
    try {
      const port = Number(/"port":(\d+)/.exec(JSON.stringify(secure.report))?.[1]);
      const status = await new Promise<number | undefined>((resolve, reject) => {
        const request = get(
          { host: "127.0.0.1", port, path: "/mcp", ca: cert, servername: "localhost", headers: { host: "localhost" } },
          (response) => {
            response.resume();
            resolve(response.statusCode);
          },
        );
        request.once("error", reject);
      });
      expect(status).toBe(401);
    } finally {
      await secure.stop();
    }
  });
});
