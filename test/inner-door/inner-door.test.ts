import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, type JWTPayload, jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Canaries, filesBelow, findCanaries, watchForCanaries } from "../fixtures/canaries.js";
import { call as toolCall } from "../hostile/ground.js";
import { type Arrived, type RecordingUpstream, startRecordingUpstream } from "../hostile/recording-upstream.js";
import { createPerson, createStrictClient, type Person, type Program, ROOT, startProgram } from "../interop/harness.js";
import { CRM, ERP, EXCHANGE, type ExchangeServer, GATEWAY, startExchangeServer } from "./exchange-server.js";

const LAUNCHER = join(ROOT, "packages/sallyport/bin/sallyport.js");
const folder = mkdtempSync(join(tmpdir(), "sallyport-inner-door-"));
const file = join(folder, "sallyport.yaml");
const STATIC_KEY = "static key of the CRM";
const PASSWORD = "canary password lantern quarry";

let canaries: Canaries;
let upstream: RecordingUpstream;
let exchangeServer: ExchangeServer;
let program: Program;
let ada: Person;
/** Everything that ever arrived behind, whole. */
const captured: Arrived[] = [];
const tokens = new Map<string, string>();

const SCOPE = "{ mcp:read: crm:read, mcp:write: crm:read crm:write }";
const server = (name: string, credential: string) => `
  ${name}:
    upstream: ${upstream.url}?server=${name}
    access: [{ users: [ada], scopes: [mcp:read, mcp:write] }]
    ${credential}`;

beforeAll(async () => {
  canaries = watchForCanaries();
  upstream = await startRecordingUpstream();
  exchangeServer = await startExchangeServer(() => program.issuer);
  const client = `client: { id: ${GATEWAY.client_id}, secret: "${GATEWAY.client_secret}" }`;
  const at = `issuer: "${exchangeServer.issuer}", ${client}`;
  writeFileSync(
    file,
    `
listen: { port: 0 }
apis:
  crm: { resource: ${CRM}, scopes: { crm:read: { from: [mcp:read] }, crm:write: { from: [mcp:write] } } }
servers:${[
      server("own", "credential: { exchange: { api: crm } }"),
      server("foreign", `credential: { exchange: { ${at}, resource: ${CRM}, scope: ${SCOPE} } }`),
      server("machine", `credential: { clientCredentials: { ${at}, resource: ${ERP}, scope: erp:read, dpop: true } }`),
      server("split", `credentials: [{ for: tools/look, static: { X-Api-Key: "${STATIC_KEY}" } }]`),
    ].join("")}
`,
  );
  program = await startProgram({ subcommand: "serve", arguments: [file] });
  const said = execFileSync(process.execPath, [LAUNCHER, "user", "add", "ada", "--config", file], { encoding: "utf8" });
  const code = /Sign-in code: (\S+)/.exec(said)?.[1] ?? "";
  canaries.add("sign-in code", code);
  canaries.add("password", PASSWORD);
  ada = createPerson({ code: () => code, userName: "ada", password: PASSWORD });
});

afterAll(async () => {
  canaries?.stop();
  await program?.stop();
  await Promise.all([upstream?.close(), exchangeServer?.close()]);
  rmSync(folder, { recursive: true, force: true });
});

/** Ada's token for a server, through a client of her own. */
async function tokenFor(name: string): Promise<string> {
  const known = tokens.get(name);
  if (known !== undefined) return known;
  const client = await createStrictClient(`${program.issuer}/mcp/${name}`);
  const { access_token } = await client.authorize(ada, { scope: "mcp:write", answer: { scopes: "all" } });
  tokens.set(name, access_token);
  return access_token;
}

/** Calls a tool of a server as Ada; what came of it, and what arrived behind because of it. */
async function call(name: string, tool: string): Promise<{ answer: Response; arrived: readonly Arrived[] }> {
  const token = await tokenFor(name);
  captured.push(...upstream.arrived);
  upstream.forget();
  const headers = {
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    cookie: "session=canary-cookie-of-the-caller",
  };
  canaries.add("cookie of the caller", "canary-cookie-of-the-caller");
  // New tools are learned with the first list.
  const url = `${program.issuer}/mcp/${name}`;
  const list = JSON.stringify({ jsonrpc: "2.0", id: 0, method: "tools/list" });
  await (await fetch(url, { method: "POST", headers, body: list })).text();
  captured.push(...upstream.arrived);
  upstream.forget();
  const answer = await fetch(url, { method: "POST", headers, body: toolCall(tool) });
  return { answer, arrived: [...upstream.arrived] };
}

const header = (arrived: readonly Arrived[], name: string) =>
  arrived.flatMap(({ headers }) => headers.filter(([key]) => key === name).map(([, value]) => value));

async function claimsOf(arrived: readonly Arrived[], issuer: string, audience: string): Promise<JWTPayload> {
  const [authorization = ""] = header(arrived, "authorization");
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`));
  const { payload } = await jwtVerify(authorization.replace(/^\S+ /, ""), keys, { issuer, audience });
  return payload;
}

/** Lines of the decision log that are about one server. */
function logged(name: string): readonly Readonly<Record<string, unknown>>[] {
  const log = join(folder, "decisions");
  const lines = readdirSync(log, { recursive: true })
    .filter((each) => String(each).endsWith(".jsonl"))
    .flatMap((each) =>
      readFileSync(join(log, String(each)), "utf8")
        .trim()
        .split("\n"),
    );
  return lines.map((line) => JSON.parse(line)).filter((record) => record.server === name);
}

describe("what goes on to the system behind", () => {
  test("is a token of ours for it, made in process: the person, the server that acts, and the agent before it", async () => {
    const { answer, arrived } = await call("own", "look");
    expect(answer.status).toBe(200);
    const { sub } = decodeJwt(await tokenFor("own"));
    const claims = await claimsOf(arrived, program.issuer, CRM);
    const resource = `${program.issuer}/mcp/own`;
    expect(claims).toMatchObject({ sub, scope: "crm:read", act: { sub: resource, act: { sub: expect.any(String) } } });
    expect((claims.act as { act: { sub: string } }).act.sub).toBe(decodeJwt(await tokenFor("own")).client_id);
    const changed = await call("own", "change");
    expect(await claimsOf(changed.arrived, program.issuer, CRM)).toMatchObject({ scope: "crm:read crm:write" });
  });

  test("is what another server exchanges the caller's token for, as narrow as the call (RFC 8693)", async () => {
    const { answer, arrived } = await call("foreign", "look");
    expect(answer.status).toBe(200);
    const token = await tokenFor("foreign");
    const claims = await claimsOf(arrived, exchangeServer.issuer, CRM);
    expect(claims).toMatchObject({ sub: decodeJwt(token).sub, scope: "crm:read", act: { sub: "gateway" } });
    const before = exchangeServer.exchanges.length;
    const again = await call("foreign", "look");
    expect(header(again.arrived, "authorization")).toEqual(header(arrived, "authorization"));
    expect(exchangeServer.exchanges).toHaveLength(before);
    const changed = await call("foreign", "change");
    expect(await claimsOf(changed.arrived, exchangeServer.issuer, CRM)).toMatchObject({ scope: "crm:read crm:write" });
    expect(exchangeServer.exchanges.at(-1)).toMatchObject({ subject_token: token, resource: CRM });
  });

  test("is the gateway's own token, bound to its key, with the nonces that oidc-provider asks for (RFC 9449)", async () => {
    const { answer, arrived } = await call("machine", "look");
    expect(answer.status).toBe(200);
    const claims = await claimsOf(arrived, exchangeServer.issuer, ERP);
    const [proof = ""] = header(arrived, "dpop");
    const { jwk } = decodeProtectedHeader(proof);
    expect(claims).toMatchObject({ client_id: "gateway", cnf: { jkt: expect.any(String) } });
    expect(claims.act).toBeUndefined();
    expect(decodeJwt(proof)).toMatchObject({ htm: "POST", htu: upstream.url });
    expect(jwk).toMatchObject({ kty: "EC" });
    expect(header(arrived, "authorization")[0]).toMatch(/^DPoP /);
    const again = await call("machine", "look");
    expect(header(again.arrived, "dpop")[0]).not.toBe(proof);
  });

  test("differs by tool where the operator says so", async () => {
    const looked = await call("split", "look");
    expect(header(looked.arrived, "x-api-key")).toEqual([STATIC_KEY]);
    const changed = await call("split", "change");
    expect(changed.answer.status).toBe(200);
    expect(header(changed.arrived, "x-api-key")).toEqual([]);
    expect(header([...looked.arrived, ...changed.arrived], "authorization")).toEqual([]);
  });

  test("is named in the decision log beside the caller's token, and so is where it came from", async () => {
    const { arrived } = await call("foreign", "look");
    const { jti } = await claimsOf(arrived, exchangeServer.issuer, CRM);
    const token = decodeJwt(await tokenFor("foreign"));
    await expect
      .poll(
        () => logged("foreign").filter(({ upstreamToken, name }) => upstreamToken === jti && name === "look").length,
      )
      .toBeGreaterThan(1);
    const records = logged("foreign").filter(({ upstreamToken }) => upstreamToken === jti);
    expect(records.filter(({ type }) => type === "issued")).toMatchObject([
      { token: token.jti, session: token.sid, sub: token.sub, scope: "crm:read" },
    ]);
    expect(records.filter(({ type }) => type === "decision").every((record) => record.token === token.jti)).toBe(true);
  });
});

test("no token, cookie, code or password of a caller ever reached an upstream, a log or a file (R-146)", async () => {
  for (const name of ["own", "foreign", "machine", "split"]) await call(name, "look");
  // The client leaves: what it got is revoked, and its refresh token goes over the wire once more.
  const client = await createStrictClient(`${program.issuer}/mcp/own`);
  const granted = await client.authorize(ada, { scope: "mcp:read" });
  const refreshed = await client.refresh(granted.refresh_token ?? "");
  await client.revoke(refreshed.refresh_token ?? "");
  captured.push(...upstream.arrived);
  const places = new Map<string, Buffer>([
    ["what arrived upstream", Buffer.from(JSON.stringify(captured))],
    ["the program's log", Buffer.from(program.log())],
    ...filesBelow(folder, (name) => name === "sallyport.yaml"),
  ]);
  // The search itself finds what is there: the token that the gateway was given for the system behind.
  const [own = ""] = header(captured, "authorization");
  const proof: Canaries = { ...canaries, secrets: new Map([[own.replace(/^\S+ /, ""), "own"]]) };
  expect(findCanaries(proof, places)).toEqual(["own in what arrived upstream"]);
  expect(new Set(canaries.secrets.values())).toEqual(
    new Set([
      "access token",
      "access_token",
      "refresh_token",
      "cookie",
      "code",
      "sign-in code",
      "password",
      "cookie of the caller",
    ]),
  );
  expect(findCanaries(canaries, places)).toEqual([]);
  expect(exchangeServer.exchanges.every(({ grant_type }) => grant_type === EXCHANGE)).toBe(true);
});
