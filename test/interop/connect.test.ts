import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CLIENT, type ForeignIdp } from "../../packages/sallyport/src/federation/testing/foreign-idp.js";
import {
  createTestBrowser,
  type Page,
  type TestBrowser,
} from "../../packages/sallyport/src/sign-in/testing/browser.js";
import { type RecordingApi, startRecordingApi } from "../../packages/sallyport/src/upstream/testing/recording-api.js";
import { startThirdParty } from "../../packages/sallyport/src/vault/testing/third-party.js";
import { freePort } from "../fixtures/postgres.js";
import { startSdk2Server } from "../fixtures/sdk2-server.js";
import { createPerson, createStrictClient, type Program, ROOT, startProgram } from "./harness.js";

/*
 * A server behind the gateway that takes nothing but tokens of a third party (oidc-provider), and SDK clients in front: the person
 * connects their own account there when a call needs it.
 */
const LAUNCHER = join(ROOT, "packages/sallyport/bin/sallyport.js");
const CANARY = "canary-of-the-crm";
const PASSWORD = "lantern quarry 41 heron velvet";
const folder = mkdtempSync(join(tmpdir(), "sallyport-connect-"));
const file = join(folder, "sallyport.yaml");

let there: ForeignIdp;
let server: Awaited<ReturnType<typeof startSdk2Server>>;
let gate: { readonly url: string; readonly seen: string[]; close(): Promise<void> };
let program: Program;
let token: string;
/** For the stdio server. */
let childToken: string;
let api: RecordingApi;
let browser: TestBrowser;

beforeAll(async () => {
  const port = await freePort();
  const publicUrl = `http://localhost:${port}`;
  there = await startThirdParty(`${publicUrl}/account/connections/callback`);
  server = await startSdk2Server();
  gate = await startGate(server.url, there);
  api = await startRecordingApi();
  writeFileSync(
    file,
    `
publicUrl: ${publicUrl}
listen: { port: ${port} }
connections:
  desk:
    title: Ticket Desk
    issuer: ${there.issuer}
    clientId: desk
    clientSecret: ${CLIENT.clientSecret}
    scopes: [openid, "tickets:read"]
    moreScopes: ["tickets:write"]
servers:
  notes:
    upstream: ${gate.url}
    # Who only looks at what there is needs no account there.
    credentials: [{ for: "tools/**", connect: desk }]
    access: [{ roles: [support], scopes: [mcp:read] }]
    scopes: { "mcp:read": { allow: ["tools/*"] } }
  child:
    command: [${process.execPath}, ${join(ROOT, "test/fixtures/egress-child.mjs")}]
    env: { DESK_TOKEN: { connect: desk }, CRM_URL: { proxy: crm } }
    access: [{ roles: [support], scopes: [mcp:read] }]
egress:
  crm: { url: ${api.url}, paths: [/v1/**], header: X-Api-Key, value: ${CANARY} }
`,
  );
  program = await startProgram({ subcommand: "serve", arguments: [file] });
  const said = execFileSync(process.execPath, [LAUNCHER, "user", "add", "ada", "--role", "support", "--config", file]);
  const code = /Sign-in code: (\S+)/.exec(String(said))?.[1] ?? "";
  const ada = createPerson({ code: () => code, userName: "ada", password: PASSWORD });
  const client = await createStrictClient(`${publicUrl}/mcp/notes`);
  token = (await client.authorize(ada, { scope: "mcp:read", answer: { scopes: "all" } })).access_token;
  const other = await createStrictClient(`${publicUrl}/mcp/child`);
  childToken = (await other.authorize(ada, { scope: "mcp:read", answer: { scopes: "all" } })).access_token;
  browser = createTestBrowser(publicUrl, (request) => fetch(request, { redirect: "manual" }));
});
afterAll(async () => {
  await program?.stop();
  await gate?.close();
  await api?.close();
  await server?.close();
  await there?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Lets through what carries a living token of the third party, and remembers what anything carried. */
async function startGate(target: string, idp: ForeignIdp) {
  const seen: string[] = [];
  const listener = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { authorization = "" } = request.headers;
    seen.push(authorization);
    const body = Buffer.concat(chunks);
    const known = await idp.provider.AccessToken.find(authorization.replace("Bearer ", ""));
    const challenge = challengeFor(body.toString(), known?.scope);
    if (challenge !== undefined) {
      response.writeHead(known === undefined ? 401 : 403, { "www-authenticate": challenge }).end();
      return;
    }
    const headers = Object.fromEntries(
      Object.entries(request.headers).filter(([name]) => /^(?:accept|content-type|mcp-.*)$/.test(name)),
    ) as Record<string, string>;
    const { method = "POST" } = request;
    const answer = await fetch(target, { method, headers, ...(method === "POST" && { body }) });
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    response.end(Buffer.from(await answer.arrayBuffer()));
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}/mcp`,
    seen,
    close: () =>
      new Promise<void>((resolve) => {
        listener.close(() => resolve());
        listener.closeAllConnections();
      }),
  };
}

/** Calls take a token, and those that write a wider one; everything else is open. */
function challengeFor(body: string, scope: string | undefined): string | undefined {
  if (!body.includes("tools/call")) return undefined;
  if (scope === undefined) return 'Bearer error="invalid_token"';
  const short = body.includes("write_note") && !scope.includes("tickets:write");
  return short ? 'Bearer error="insufficient_scope", scope="tickets:write"' : undefined;
}

async function connectMcp(
  elicit: boolean,
  onUrl: (url: string) => Promise<void> = async () => {},
  { url, bearer }: { readonly url: string; readonly bearer: string } = { url: program.mcpUrl, bearer: token },
) {
  const client = new Client(
    { name: "t", version: "1" },
    { versionNegotiation: { mode: "auto" }, ...(elicit && { capabilities: { elicitation: { url: {} } } }) },
  );
  if (elicit) {
    client.setRequestHandler("elicitation/create", async ({ params }) => {
      await onUrl((params as { url: string }).url);
      return { action: "accept" };
    });
  }
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    requestInit: { headers: { authorization: `Bearer ${bearer}` } },
  });
  await client.connect(transport);
  return client;
}

/** Follows our own redirects and refreshes, to a page that waits for a person or to the first foreign address. */
async function follow(first: Page): Promise<{ readonly page: Page; readonly away: URL | undefined }> {
  let page = first;
  for (let hops = 0; hops < 10; hops++) {
    const next = page.location || /^0; url=(.*)$/.exec(page.headers.get("refresh") ?? "")?.[1];
    if (next === undefined) return { page, away: undefined };
    const url = new URL(next, program.issuer);
    if (url.origin !== program.issuer) return { page, away: url };
    page = await browser.get(url.pathname + url.search);
  }
  throw new Error("going round in circles");
}

/** Ada opens the address, signs in, goes to the third party and comes back. */
async function connectAccount(url: string): Promise<void> {
  const { pathname, search } = new URL(url);
  let { page } = await follow(await browser.get(pathname + search));
  if (!page.html.includes("Go to Ticket Desk")) {
    ({ page } = await follow(await browser.submit(page, "/sign-in/password", { username: "ada", password: PASSWORD })));
  }
  const { away } = await follow(await browser.submit(page, "/account/connect/desk"));
  if (away === undefined) throw new Error("not sent to the third party");
  const back = await there.visit(away, "ada-there");
  const done = await follow(await browser.get(back.pathname + back.search));
  expect(done.page.html).toContain("Ticket Desk is connected");
}

async function disconnectAccount(): Promise<void> {
  const page = await browser.get("/account");
  expect(page.html).toContain("Ticket Desk");
  const done = await follow(await browser.submit(page, "/account/connections/remove"));
  expect(done.page.html).toContain("Disconnected here, and there");
}

const textOf = (result: unknown) => JSON.stringify((result as { content?: unknown }).content);
const read = { name: "read_note", arguments: { name: "a" } };
const write = { name: "write_note", arguments: { name: "a", text: "b" } };

/** What a client of 2025-11-25 or earlier is told. */
async function legacy(revision: string, params: object) {
  const answer = await fetch(program.mcpUrl, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": revision,
    },
    body: JSON.stringify({ jsonrpc: "2.0", id: 7, method: "tools/call", params }),
  });
  return { status: answer.status, json: await answer.json() };
}

describe("a server whose calls need the person's own account at a third party", () => {
  test("R-44: leads a client that takes URLs there; the call then goes through, with the third party's token and not the caller's", async () => {
    const opened: string[] = [];
    const mcp = await connectMcp(true, async (url) => {
      opened.push(url);
      await connectAccount(url);
    });
    expect((await mcp.listTools()).tools.map(({ name }) => name)).toContain("read_note");
    expect(textOf(await mcp.callTool(read))).toContain("text");
    expect(opened).toEqual([`${program.issuer}/account/connect/desk`]);
    // The next call needs nobody.
    expect(textOf(await mcp.callTool(read))).toContain("text");
    expect(opened).toHaveLength(1);
    await mcp.close();
    expect(gate.seen.filter((value) => value !== "").length).toBeGreaterThan(0);
    expect(gate.seen.join("\n")).not.toContain(token);
  });

  test("leads there again when the third party wants a wider scope, which the page then asks for", async () => {
    const opened: string[] = [];
    const mcp = await connectMcp(true, async (url) => {
      opened.push(url);
      await connectAccount(url);
    });
    expect(textOf(await mcp.callTool(write))).toContain("text");
    expect(opened.map((url) => new URL(url).searchParams.get("scope"))).toEqual(["openid tickets:read tickets:write"]);
    await mcp.close();
  });

  test("is refused at once after the person disconnected, and ended at the third party", async () => {
    const last = gate.seen.at(-1)?.replace("Bearer ", "") ?? "";
    await disconnectAccount();
    expect(await there.provider.AccessToken.find(last)).toBeUndefined();
    const { status, json } = await legacy("2025-11-25", read);
    expect([status, json]).toMatchObject([200, { id: 7, error: { code: -32042, data: { why: "missing" } } }]);
    expect(await legacy("2025-06-18", read)).toMatchObject({
      status: 403,
      json: { error: { data: { connectUrl: `${program.issuer}/account/connect/desk` } } },
    });
    const mcp = await connectMcp(false);
    await expect(mcp.callTool(read)).rejects.toThrow("/account/connect/desk");
    await mcp.close();
  });

  test("keeps nothing readable: no token of anybody is in the store's files or in the log", async () => {
    await connectAccount(`${program.issuer}/account/connect/desk`);
    expect(textOf(await (await connectMcp(false)).callTool(read))).toContain("text");
    const tokens = [...new Set(gate.seen)].filter((value) => value !== "").map((value) => value.replace("Bearer ", ""));
    expect(tokens.length).toBeGreaterThan(1);
    for (const name of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!name.isFile()) continue;
      const bytes = readFileSync(join(name.parentPath, name.name));
      for (const secret of [...tokens, token]) expect(bytes.includes(secret), name.name).toBe(false);
    }
    for (const secret of [...tokens, token]) expect(program.log()).not.toContain(secret);
  });
});

describe("a stdio server that gets the person's own token from its environment (R-160)", () => {
  const look = { name: "look", arguments: {} };
  const seen = (result: unknown) => JSON.parse((result as { content: [{ text: string }] }).content[0].text);
  const child = () => ({ url: `${program.issuer}/mcp/child`, bearer: childToken });

  test("is run once the person has connected, and anew after they connected again", async () => {
    await disconnectAccount();
    const opened: string[] = [];
    const open = async (url: string) => {
      opened.push(url);
      await connectAccount(url);
    };
    const mcp = await connectMcp(true, open, child());
    expect((await mcp.listTools()).tools.map(({ name }) => name)).toEqual(["look", "ask"]);
    const first = seen(await mcp.callTool(look));
    expect(opened).toEqual([`${program.issuer}/account/connect/desk`]);
    expect(await there.provider.AccessToken.find(first.env.DESK_TOKEN)).toBeDefined();
    expect(seen(await mcp.callTool(look)).pid).toBe(first.pid);
    await disconnectAccount();
    const second = seen(await mcp.callTool(look));
    expect([opened.length, second.pid === first.pid]).toEqual([2, false]);
    expect(second.env.DESK_TOKEN).not.toBe(first.env.DESK_TOKEN);
    await mcp.close();
    for (const secret of [first.env.DESK_TOKEN, second.env.DESK_TOKEN]) {
      expect(`${first.commandLine}${second.commandLine}${program.log()}`).not.toContain(secret);
    }
  });

  test("reaches the other system by an address of its own, and never holds the key", async () => {
    const mcp = await connectMcp(false, undefined, child());
    const { env } = seen(await mcp.callTool(look));
    expect(JSON.stringify(env)).not.toContain(CANARY);
    const ask = async (path: string) => seen(await mcp.callTool({ name: "ask", arguments: { path } })).status;
    expect([await ask("/v1/customers/7"), await ask("/v2/x"), await ask("/v1/../v2/x")]).toEqual([200, 403, 400]);
    expect(api.requests.map(({ url, headers }) => [url, headers["x-api-key"]])).toEqual([["/v1/customers/7", CANARY]]);
    await mcp.close();
    for (const secret of [CANARY, new URL(env.CRM_URL).pathname.slice(1)]) expect(program.log()).not.toContain(secret);
  });
});
