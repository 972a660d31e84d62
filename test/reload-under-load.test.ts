import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "undici";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Program, startProgram } from "./interop/program.js";

const RATE = 500;
const RELOADS = 50;
const TICK_MS = 10;
/** On a machine that cannot serve the rate, so many are under way at most: load as high as it gets, and still an end. */
const MAX_RUNNING = 200;

const folder = mkdtempSync(join(tmpdir(), "sallyport-reload-"));
const file = join(folder, "sallyport.yaml");
const closers: (() => Promise<unknown> | unknown)[] = [];
let program: Program;
let pool: Pool;
/** A connection that the load does not hold up. */
let own: Pool;
let authorization: string;
let url: string;
/** Says something in every standing stream. */
let say: (text: string) => void = () => {};

const RESULTS: Readonly<Record<string, unknown>> = {
  initialize: {
    protocolVersion: "2025-03-26",
    capabilities: { tools: {} },
    serverInfo: { name: "load", version: "1" },
  },
  "tools/list": { tools: ["a", "b"].map((name) => ({ name, inputSchema: { type: "object" } })) },
  "tools/call": { content: [] },
};

/** An MCP server of 2025-03-26, as little of one as a gateway needs. */
async function startServer(): Promise<string> {
  const streams = new Set<(text: string) => void>();
  const server = createServer(async (request, response) => {
    if (request.method === "GET") {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(": open\n\n");
      streams.add((text) => response.write(text));
      return;
    }
    const text = await textOf(request);
    const body = text === "" ? { method: "" } : JSON.parse(text);
    const answered = Array.isArray(body) ? body.map(answerOf) : answerOf(body);
    if (answered === undefined) {
      response.writeHead(202).end();
      return;
    }
    const made = body.method === "initialize" ? { "mcp-session-id": "s" } : {};
    response.writeHead(200, { "content-type": "application/json", ...made }).end(JSON.stringify(answered));
  });
  say = (text) => {
    for (const write of streams) write(text);
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(
    () => server.closeAllConnections(),
    () => server.close(),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
}

function answerOf({ id, method }: { readonly id?: number; readonly method: string }) {
  if (id === undefined) return undefined;
  const result = RESULTS[method];
  if (result === undefined) return { jsonrpc: "2.0", id, error: { code: -32601, message: "Method not found" } };
  return { jsonrpc: "2.0", id, result };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text;
}

/** Of the two tools exactly one is denied, by turns: whoever sees half of one policy and half of the next sees none or both denied. */
function policyOf(version: number): string {
  const denied = version % 2 === 0 ? "a" : "b";
  return `
listen: { port: 0 }
clients: { load: { name: Load, secret: a secret of the load } }
servers:
  s:
    upstream: ${url}
    access: [{ clients: [load], scopes: [all] }]
    scopes: { all: { allow: [tools/*] } }
    rules:
      - { deny: tools/${denied}, because: version ${version} denies ${denied} }
      - { deny: tools/old_${version} }
`;
}

/** As editors and mounted files do it: no reader ever sees half a file. */
function writeFile(text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

beforeAll(async () => {
  url = await startServer();
  writeFile(policyOf(0));
  program = await startProgram({ subcommand: "serve", arguments: [file] });
  const issuer = new URL(program.issuer);
  const response = await fetch(new URL("/token", issuer), {
    method: "POST",
    headers: { authorization: `Basic ${Buffer.from("load:a+secret+of+the+load").toString("base64")}` },
    body: new URLSearchParams({ grant_type: "client_credentials", resource: `${program.issuer}/mcp/s`, scope: "all" }),
  });
  const { access_token } = (await response.json()) as { access_token: string };
  authorization = `Bearer ${access_token}`;
  pool = new Pool(issuer.origin, { connections: 64 });
  own = new Pool(issuer.origin, { connections: 1 });
  closers.push(
    () => pool.destroy(),
    () => own.destroy(),
  );
});

afterAll(async () => {
  await program?.stop();
  for (const close of closers) await close();
  rmSync(folder, { recursive: true, force: true });
});

const HEADERS = { "content-type": "application/json", accept: "application/json, text/event-stream" };
const callOf = (id: number, name: string) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name, arguments: {} },
});

async function post(body: unknown, by = pool): Promise<{ readonly status: number; readonly text: string }> {
  const headers = { ...HEADERS, authorization, "mcp-protocol-version": "2025-03-26" };
  const response = await by.request({
    path: "/mcp/s",
    method: "POST",
    headers: { ...headers, ...session },
    body: JSON.stringify(body),
  });
  return { status: response.statusCode, text: await response.body.text() };
}

let session: Record<string, string> = {};

async function openStream() {
  const params = { protocolVersion: "2025-03-26", capabilities: {}, clientInfo: { name: "load", version: "1" } };
  const made = await fetch(`${program.issuer}/mcp/s`, {
    method: "POST",
    headers: { ...HEADERS, authorization },
    body: JSON.stringify({ jsonrpc: "2.0", id: 0, method: "initialize", params }),
  });
  await made.text();
  session = { "mcp-session-id": made.headers.get("mcp-session-id") ?? "" };
  const stream = await fetch(`${program.issuer}/mcp/s`, {
    headers: { accept: "text/event-stream", authorization, "mcp-protocol-version": "2025-03-26", ...session },
  });
  const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
  await reader?.read();
  return async () => (await reader?.read())?.value;
}

const brokenIn = (log: string) => log.split("IS NOT IN FORCE").length - 1;

test(`${RELOADS} reloads under ${RATE} requests a second: nobody sees half a policy, nobody is dropped`, async () => {
  const read = await openStream();
  const problems: string[] = [];
  const running = new Set<Promise<void>>();
  const versions = new Set<number>();
  let sent = 0;
  let seenByOne = -1;
  /** The version that an answer was decided by, where a rule of it denied. */
  const versionOf = (text: string) => Number(/version (\d+) denies/.exec(text)?.[1] ?? Number.NaN);
  const checkBatch = ({ status, text }: { status: number; text: string }) => {
    const version = versionOf(text);
    versions.add(version);
    const denied = version % 2 === 0 ? "a" : "b";
    if (status !== 403 || !text.includes(`denies ${denied}`))
      problems.push(`a batch got ${status} ${text.slice(0, 200)}`);
  };
  const checkSingle = ({ status, text }: { status: number; text: string }) => {
    if (status !== 200 && (status !== 403 || Number.isNaN(versionOf(text))))
      problems.push(`a call got ${status} ${text.slice(0, 200)}`);
  };
  const seenNow = async () => {
    const version = versionOf((await post([callOf(1, "a"), callOf(2, "b")], own)).text);
    if (!(version >= seenByOne)) problems.push(`version ${version} after ${seenByOne} was in force`);
    seenByOne = version;
    return version;
  };
  const send = () => {
    sent += 1;
    const batch = sent % 5 === 0;
    const asked = batch
      ? post([callOf(1, "a"), callOf(2, "b")]).then(checkBatch)
      : post(callOf(sent, sent % 2 === 0 ? "a" : "b")).then(checkSingle);
    const one = asked
      .catch((error: unknown) => void problems.push(`dropped: ${error}`))
      .finally(() => running.delete(one));
    running.add(one);
  };
  const started = performance.now();
  const due = () => Math.floor(((performance.now() - started) * RATE) / 1000);
  const load = setInterval(() => {
    while (sent < due() && running.size < MAX_RUNNING) send();
  }, TICK_MS);
  try {
    for (let version = 1; version <= RELOADS; version++) {
      if (version % 10 === 0) {
        const before = brokenIn(program.log());
        writeFile(policyOf(version).replace("deny: tools/old", "when: nonsense(, deny: tools/old"));
        program.process.kill("SIGHUP");
        await expect.poll(() => brokenIn(program.log()), { timeout: 60_000, interval: 20 }).toBeGreaterThan(before);
      }
      writeFile(policyOf(version));
      program.process.kill("SIGHUP");
      // From the first answer by it on it is in force for whoever asks after that; a log line may be of the look at the file before.
      await expect.poll(seenNow, { timeout: 60_000, interval: 20 }).toBe(version);
      const until = sent + (RATE * 100) / 1000;
      await expect.poll(() => sent, { timeout: 60_000, interval: 20 }).toBeGreaterThanOrEqual(until);
    }
  } finally {
    clearInterval(load);
  }
  expect(sent).toBeGreaterThanOrEqual((RELOADS * RATE) / 10);
  await Promise.all(running);
  expect(problems.slice(0, 5)).toEqual([]);
  expect(versions.size).toBeGreaterThan(RELOADS / 2);
  say('data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}\n\n');
  expect(await read()).toContain("list_changed");
}, 300_000);
