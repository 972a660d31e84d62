import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { MODERN, type Principal } from "@sallyport/auth";
import { describe, expect, onTestFinished, test } from "vitest";
import { ALICE, BOB, call, exchange, openSession } from "../../../../test/fixtures/exchange.js";
import { silentSystem } from "../../../../test/fixtures/silent-system.js";
import { CredentialError } from "./credentials/credential-error.js";
import type { ConnectNeeded, UserCredentialSource, UserToken } from "./credentials/user-credentials.js";
import { Egress } from "./egress/egress.js";
import { createEgressRoute } from "./egress/route.js";
import { createProvisions, type ProvisionsOptions } from "./provisions.js";
import { createStdioUpstream, type StdioUpstream } from "./stdio.js";
import { startRecordingApi } from "./testing/recording-api.js";

const CHILD = fileURLToPath(new URL("../../../../test/fixtures/egress-child.mjs", import.meta.url));
const NEEDED: ConnectNeeded = { connectUrl: "http://localhost:4000/account/connect/desk", why: "missing" };

/** What people have connected, as a table that a test changes. */
class People implements UserCredentialSource {
  readonly tokens = new Map<string, string>([
    ["alice", "token-of-alice"],
    ["bob", "token-of-bob"],
  ]);

  tokenFor({ sub }: Principal): UserToken | ConnectNeeded {
    const token = this.tokens.get(sub);
    return token === undefined ? NEEDED : { token };
  }

  refused(): undefined {}
}

interface Started {
  readonly server: StdioUpstream;
  readonly people: People;
  readonly system: ReturnType<typeof silentSystem>;
}

function start(options: Partial<ProvisionsOptions> = {}): Started {
  const people = new People();
  const system = silentSystem();
  const server = createStdioUpstream({
    name: "crm",
    command: [process.execPath, CHILD],
    hostEnvironment: process.env,
    cwd: process.cwd(),
    system,
    limits: { killAfterMs: 300 },
    provisions: createProvisions({ given: () => ({}), source: people, ...options }),
  });
  onTestFinished(async () => {
    await server.close();
    expect(server.stats()).toEqual({ children: 0, sessions: 0, answers: 0 });
  });
  return { server, people, system };
}

const META = {
  "io.modelcontextprotocol/protocolVersion": MODERN,
  "io.modelcontextprotocol/clientInfo": { name: "t", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": {},
};

interface Seen {
  readonly env: Readonly<Record<string, string>>;
  readonly pid: number;
  readonly commandLine: string;
}

/** One call of a modern client, or of a legacy session, and what it answers. */
async function run(
  server: StdioUpstream,
  {
    name = "look",
    args = {},
    session,
    principal = ALICE,
  }: { name?: string; args?: object; session?: string; principal?: Principal } = {},
) {
  const revision = session === undefined ? MODERN : "2025-11-25";
  const body = call(1, name, args, session === undefined ? META : undefined);
  const answer = await exchange(server, { body, revision, principal, session });
  if (answer.error !== undefined) throw answer.error;
  const [content] = (answer.json.result?.content ?? []) as readonly { text: string }[];
  return { status: answer.status, said: content === undefined ? undefined : JSON.parse(content.text) };
}

async function look(...[server, options]: Parameters<typeof run>): Promise<Seen> {
  return (await run(server, options)).said;
}

describe("R-160: a stdio server gets its credentials from the environment", () => {
  test.each(["modern", "legacy"])(
    "each principal's %s child has that person's own, in the environment and never in the arguments",
    async (era) => {
      const { server, system } = start({ connections: { DESK_TOKEN: "desk" } });
      const seen = async (principal: Principal) =>
        look(server, { principal, ...(era === "legacy" && { session: await openSession(server, { principal }) }) });
      const [alice, bob] = [await seen(ALICE), await seen(BOB)];
      expect([alice.env.DESK_TOKEN, bob.env.DESK_TOKEN]).toEqual(["token-of-alice", "token-of-bob"]);
      expect(alice.pid).not.toBe(bob.pid);
      for (const { pid, commandLine } of [alice, bob]) {
        expect(readFileSync(`/proc/${pid}/cmdline`, "utf8")).toBe(commandLine);
        expect(commandLine.split("\0")).toEqual([process.execPath, CHILD, ""]);
        expect(readFileSync(`/proc/${pid}/environ`, "utf8")).toContain("DESK_TOKEN=token-of-");
      }
      expect(JSON.stringify(system.lines)).not.toContain("token-of-");
    },
  );

  test("a modern child is started anew for the next call when the token has changed, and only that person's", async () => {
    const { server, people } = start({ connections: { DESK_TOKEN: "desk" } });
    const before = [await look(server), await look(server, { principal: BOB })] as const;
    expect((await look(server)).pid).toBe(before[0].pid);
    people.tokens.set("alice", "refreshed");
    const after = [await look(server), await look(server, { principal: BOB })] as const;
    expect([after[0].env.DESK_TOKEN, after[1].pid]).toEqual(["refreshed", before[1].pid]);
    expect(after[0].pid).not.toBe(before[0].pid);
  });

  test("a legacy session is gone with its child when the token has changed, so that the client initializes anew", async () => {
    const { server, people } = start({ connections: { DESK_TOKEN: "desk" } });
    const session = await openSession(server);
    await look(server, { session });
    people.tokens.set("alice", "refreshed");
    expect((await run(server, { session })).status).toBe(404);
    expect((await look(server, { session: await openSession(server) })).env.DESK_TOKEN).toBe("refreshed");
    people.tokens.set("alice", "token-of-alice");
    expect((await run(server, { session })).status).toBe(404);
  });

  test("whoever has connected nothing, or not any more, is led there, and no child goes on with what there was", async () => {
    const { server, people } = start({ connections: { DESK_TOKEN: "desk" } });
    const needed = { reason: "connection_needed", data: { connectUrl: NEEDED.connectUrl, connection: "desk" } };
    await look(server);
    const session = await openSession(server);
    expect(server.children).toBe(2);
    people.tokens.delete("alice");
    await expect(run(server)).rejects.toMatchObject(needed);
    await expect(run(server, { session })).rejects.toMatchObject(needed);
    await expect(openSession(server)).rejects.toBeInstanceOf(CredentialError);
    await expect.poll(() => server.children).toBe(0);
    people.tokens.set("alice", "again");
    expect((await look(server)).env.DESK_TOKEN).toBe("again");
  });

  test("what a server offers is read without anybody's credential, also for those who have connected nothing", async () => {
    const { server, people } = start({ connections: { DESK_TOKEN: "desk" } });
    people.tokens.clear();
    const list = () =>
      exchange(server, {
        revision: MODERN,
        body: { jsonrpc: "2.0", id: 1, method: "tools/list", params: { _meta: META } },
      });
    expect((await list()).error).toBeInstanceOf(CredentialError);
    expect((await server.describe()).tools.map(({ name }) => name)).toEqual(["look", "ask"]);
    expect((await list()).json.result).toMatchObject({ tools: [{ name: "look" }, { name: "ask" }] });
    await expect(run(server)).rejects.toMatchObject({ reason: "connection_needed" });
    people.tokens.set("alice", "token-of-alice");
    expect((await look(server)).env.DESK_TOKEN).toBe("token-of-alice");
  });

  test("a secret of the operator's that is replaced is in the next child", async () => {
    let secret = "first";
    const { server } = start({ given: () => ({ API_KEY: secret }) });
    expect((await look(server)).env.API_KEY).toBe("first");
    secret = "second";
    expect((await look(server)).env.API_KEY).toBe("second");
    secret = "with\0null";
    const failed = await run(server).catch((error: unknown) => error);
    expect(String(failed)).toContain("API_KEY holds a null character");
    expect(JSON.stringify([failed, String((failed as Error).stack)])).not.toContain("with");
  });
});

describe("a credential that is bound to its destination", () => {
  const CANARY = "canary-of-the-crm";

  async function startBound(value: "static" | "connect" = "static") {
    const api = await startRecordingApi();
    const egress = new Egress({ server: "crm", system: silentSystem() });
    const people = new People();
    const route = createEgressRoute({
      ...{ name: "crm", url: api.url, methods: ["GET"], paths: ["/v1/**"], header: "Authorization", scheme: "Bearer" },
      value: value === "static" ? () => CANARY : { connection: "desk", source: people },
    });
    const { server } = start({ routes: { CRM_URL: route }, egress });
    onTestFinished(() => api.close());
    return { api, egress, people, server };
  }

  test("is not in the child at all, which has an address of its own instead", async () => {
    const { api, server } = await startBound();
    const [alice, bob] = [await look(server), await look(server, { principal: BOB })];
    expect(alice.env.CRM_URL).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[\w-]{43}$/);
    expect(alice.env.CRM_URL).not.toBe(bob.env.CRM_URL);
    const args = { path: "/v1/customers/7" };
    expect((await run(server, { name: "ask", args })).said).toEqual({ status: 200, text: "fine" });
    expect(api.requests.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${CANARY}`]);
    for (const { pid } of [alice, bob]) {
      const held = readFileSync(`/proc/${pid}/environ`, "utf8") + readFileSync(`/proc/${pid}/cmdline`, "utf8");
      expect([held.includes("CRM_URL="), held.includes(CANARY)]).toEqual([true, false]);
    }
    for (const other of [{ path: "/admin" }, { ...args, method: "DELETE" }, { path: "/v1/../admin" }]) {
      expect((await run(server, { name: "ask", args: other })).said.status).toBeGreaterThanOrEqual(400);
    }
    expect(api.requests).toHaveLength(1);
  });

  test("is out of reach as soon as the child has ended, whatever else still runs", async () => {
    const { api, egress, server } = await startBound();
    const { env, pid } = await look(server);
    await look(server, { principal: BOB });
    const get = () => fetch(`${env.CRM_URL}/v1/customers/7`).then(({ status }) => status);
    expect([await get(), egress.size]).toEqual([200, 2]);
    process.kill(pid, "SIGKILL");
    await expect.poll(() => egress.size).toBe(1);
    expect([await get(), api.requests.length]).toEqual([404, 1]);
  });

  test("may be the person's own, whose changes restart nothing", async () => {
    const { api, people, server } = await startBound("connect");
    const ask = (principal: Principal) => run(server, { name: "ask", args: { path: "/v1/x" }, principal });
    const { pid } = await look(server);
    await ask(ALICE);
    people.tokens.set("alice", "refreshed");
    await ask(ALICE);
    await ask(BOB);
    expect((await look(server)).pid).toBe(pid);
    expect(api.requests.map(({ headers }) => headers.authorization)).toEqual([
      "Bearer token-of-alice",
      "Bearer refreshed",
      "Bearer token-of-bob",
    ]);
    people.tokens.delete("alice");
    await expect(ask(ALICE)).rejects.toMatchObject({ reason: "connection_needed" });
  });
});
