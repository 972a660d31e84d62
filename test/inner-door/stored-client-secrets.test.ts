import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeProtectedHeader, exportJWK, generateKeyPair } from "jose";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { filesBelow, findCanaries } from "../fixtures/canaries.js";
import { call, headersOf } from "../hostile/ground.js";
import { type RecordingUpstream, startRecordingUpstream } from "../hostile/recording-upstream.js";
import { send } from "../hostile/wire.js";
import { type Program, startProgram } from "../interop/harness.js";
import { createOperator } from "./operator.js";

/* How the gateway itself is known to others, with secrets that lie in the store: at token endpoints, and at the server behind. */
const folder = mkdtempSync(join(tmpdir(), "sallyport-client-secrets-"));
const file = join(folder, "sallyport.yaml");
const operate = createOperator(file);
const within2s = { timeout: 2_000, interval: 50 };
const ROBOT = { client_id: "robot", client_secret: "the robot's own secret, long enough" };
const FIRST = "canary-first-secret-at-the-token-endpoint";
const SECOND = "canary-second-secret-at-the-token-endpoint";
const HEADER = "canary-of-a-header-of-the-server";

let upstream: RecordingUpstream;
let endpoint: Server;
let program: Program | undefined;
/** Who asked for tokens: the secret that was shown, or the key that signed. */
const shown: string[] = [];

async function startEndpoint(): Promise<string> {
  endpoint = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const assertion = new URLSearchParams(body).get("client_assertion");
    const [, secret = ""] = atob((request.headers.authorization ?? "").replace("Basic ", "")).split(":");
    shown.push(assertion === null ? secret : String(decodeProtectedHeader(assertion).kid));
    if (request.url === "/introspect") {
      return void response.setHeader("content-type", "application/json").end('{"active":false}');
    }
    const token = { access_token: `made-for-it-${shown.length}`, token_type: "Bearer", expires_in: 300 };
    const issued_token_type = "urn:ietf:params:oauth:token-type:access_token";
    response.setHeader("content-type", "application/json").end(JSON.stringify({ ...token, issued_token_type }));
  });
  await new Promise<void>((resolve) => endpoint.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/token`;
}

async function keyNamed(kid: string): Promise<string> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  return JSON.stringify({ ...(await exportJWK(privateKey)), alg: "ES256", kid });
}

beforeAll(async () => {
  upstream = await startRecordingUpstream();
  const tokenEndpoint = await startEndpoint();
  const server = (name: string, lines: string) => `
  ${name}:
    upstream: ${upstream.url}
    access: [{ clients: [robot], scopes: [mcp:read] }]
    ${lines}`;
  const exchange = (client: string) =>
    `credential: { exchange: { tokenEndpoint: "${tokenEndpoint}", client: { id: gateway, ${client} }, audience: crm } }`;
  writeFileSync(
    file,
    `
listen: { port: 0 }
clients: { robot: { name: Robot, secret: "${ROBOT.client_secret}" } }
connections:
  desk: { title: Desk, issuer: "https://desk.example", clientId: gateway, clientSecret: { secret: desk-secret } }
servers:${[
      server("secret", exchange("secret: { secret: crm-secret }")),
      server("keyed", exchange("key: { secret: crm-key }")),
      server("headed", "headers: { X-Api-Key: { secret: crm-header } }"),
    ].join("")}
  foreign:
    upstream: ${upstream.url}
    access: [{ roles: [staff], scopes: [mcp:read] }]
    authorizationServers:
      - issuer: https://login.example
        introspection: { endpoint: "${new URL("/introspect", tokenEndpoint)}", clientId: gateway, clientSecret: { secret: login-secret } }
`,
  );
});
afterAll(async () => {
  try {
    await program?.stop();
  } finally {
    endpoint?.close();
    await upstream?.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Calls with a token that nobody knows yet, and that is asked about (RFC 7662). */
async function lookForeign() {
  const asked = shown.length;
  upstream.forget();
  const headers = headersOf(`opaque-${asked}-${randomUUID()}`);
  const { status } = await send((program as Program).issuer, { path: "/mcp/foreign", headers, body: call("look") });
  return { status, by: shown[asked], arrived: upstream.arrived.length };
}

/** Calls as a robot with a new token, for which no credential is held yet. */
async function look(name: string) {
  if (name === "foreign") return lookForeign();
  const { issuer } = program as Program;
  const form = { grant_type: "client_credentials", resource: `${issuer}/mcp/${name}`, scope: "mcp:read", ...ROBOT };
  const answer = await fetch(`${issuer}/token`, { method: "POST", body: new URLSearchParams(form) });
  const headers = headersOf((await answer.json()).access_token);
  upstream.forget();
  const asked = shown.length;
  const { status } = await send(issuer, { path: `/mcp/${name}`, headers, body: call("look") });
  const keys = upstream.arrived.flatMap((one) => one.headers.filter(([key]) => key === "x-api-key"));
  return { status, by: name === "headed" ? keys[0]?.[1] : shown[asked], arrived: upstream.arrived.length };
}

test("a program does not begin without them, and names every place that wants one", async () => {
  const { code, said } = await operate(["tools", "list"]);
  expect(code).toBe(2);
  for (const place of [
    'connections.desk.clientSecret: there is no secret "desk-secret"',
    'servers.secret.credential.exchange.client.secret: there is no secret "crm-secret"',
    'servers.keyed.credential.exchange.client.key: there is no secret "crm-key"',
    'servers.headed.headers.X-Api-Key: there is no secret "crm-header"',
    'servers.foreign.authorizationServers[0].introspection.clientSecret: there is no secret "login-secret"',
  ]) {
    expect(said).toContain(place);
  }
});

interface Row {
  readonly server: string;
  readonly name: string;
  readonly values: readonly [string, string];
  readonly seen: readonly [string, string];
  /** Default: it arrives behind. */
  readonly done?: { readonly status: number; readonly arrived: number };
  /** Status without the secret. Default: 502. */
  readonly without?: number;
}

/** Whoever cannot ask about a token says neither yes nor no. */
const FOREIGN = { server: "foreign", name: "login-secret", done: { status: 401, arrived: 0 }, without: 503 };

test("each is used as it is now: a new one within two seconds, and while there is none nothing goes on", async () => {
  await operate(["secret", "set", "desk-secret"], "canary-of-the-desk-client");
  const rows: readonly Row[] = [
    { server: "secret", name: "crm-secret", values: [FIRST, SECOND], seen: [FIRST, SECOND] },
    { server: "keyed", name: "crm-key", values: [await keyNamed("one"), await keyNamed("two")], seen: ["one", "two"] },
    { server: "headed", name: "crm-header", values: [HEADER, `${HEADER}-2`], seen: [HEADER, `${HEADER}-2`] },
    { ...FOREIGN, values: [FIRST, SECOND], seen: [FIRST, SECOND] },
  ];
  for (const { name, values } of rows)
    expect(await operate(["secret", "set", name], values[0])).toMatchObject({ code: 0 });
  program = await startProgram({ subcommand: "serve", arguments: [file] });
  for (const { server, name, values, seen, done = { status: 200, arrived: 1 }, without = 502 } of rows) {
    expect(await look(server)).toEqual({ ...done, by: seen[0] });
    await operate(["secret", "set", name], values[1]);
    await vi.waitFor(async () => expect(await look(server)).toEqual({ ...done, by: seen[1] }), within2s);
    await operate(["secret", "remove", name]);
    await vi.waitFor(
      async () => expect(await look(server)).toEqual({ status: without, by: undefined, arrived: 0 }),
      within2s,
    );
    await operate(["secret", "set", name], values[0]);
    await vi.waitFor(async () => expect(await look(server)).toEqual({ ...done, by: seen[0] }), within2s);
  }
});

test("what is no key costs the calls that need it alone, and is not repeated in the log", async () => {
  const garbage = "canary-this-is-no-key";
  await operate(["secret", "set", "crm-key"], garbage);
  await vi.waitFor(async () => expect((await look("keyed")).status).toBe(502), within2s);
  expect((await look("secret")).status).toBe(200);
  const secrets = new Map([FIRST, SECOND, HEADER, garbage, "canary-of-the-desk-client"].map((each) => [each, each]));
  const places = new Map([["log", Buffer.from(program?.log() ?? "")], ...filesBelow(folder)]);
  expect([...places.keys()]).toContain("sallyport.db");
  expect(findCanaries({ secrets }, places)).toEqual([]);
});
