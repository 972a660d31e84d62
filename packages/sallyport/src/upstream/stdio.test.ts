import { resolve } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import {
  type Ask,
  BOB,
  CAPABILITIES,
  call,
  exchange,
  initializeBody,
  openSession,
  start,
} from "../../../../test/fixtures/exchange.js";
import { rawUpstream } from "../../../../test/fixtures/raw-upstream.js";
import { silentSystem } from "../../../../test/fixtures/silent-system.js";
import { createStdioUpstream, type StdioUpstream } from "./stdio.js";

const EVERYTHING = "node_modules/@modelcontextprotocol/server-everything/dist/index.js";
const FILESYSTEM = "node_modules/@modelcontextprotocol/server-filesystem/dist/index.js";

const upstreams: StdioUpstream[] = [];

function opened(upstream: StdioUpstream): StdioUpstream {
  upstreams.push(upstream);
  return upstream;
}

function command(...args: string[]): StdioUpstream {
  return opened(
    createStdioUpstream({
      name: "real",
      command: [process.execPath, ...args],
      hostEnvironment: process.env,
      cwd: process.cwd(),
      system: silentSystem(),
    }),
  );
}

const raw: typeof rawUpstream = (...args) => opened(rawUpstream(...args));

afterEach(async () => {
  for (const upstream of upstreams.splice(0)) {
    await upstream.close();
    expect(upstream.stats()).toEqual({ children: 0, sessions: 0, answers: 0 });
  }
});

describe("a legacy session on a real server", () => {
  it("is opened by initialize with a session id of visible ASCII (R-33) and answers calls as JSON", async () => {
    const server = command(EVERYTHING, "stdio");
    const answer = await exchange(server, { body: initializeBody({}, "first") });
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(answer.session).toMatch(/^[\x21-\x7e]{43}$/);
    expect(answer.json).toMatchObject({ id: "first", result: { serverInfo: { name: "mcp-servers/everything" } } });

    const { session } = answer;
    const initialized = await exchange(server, {
      session,
      body: { jsonrpc: "2.0", method: "notifications/initialized" },
    });
    expect([initialized.status, initialized.text]).toEqual([202, ""]);

    const echoed = await exchange(server, { session, body: call(7, "echo", { message: "hello" }) });
    expect(echoed.json).toEqual({
      jsonrpc: "2.0",
      id: 7,
      result: { content: [{ type: "text", text: "Echo: hello" }] },
    });
  });

  it("streams progress under the client's own token before the answer", async () => {
    const server = command(EVERYTHING, "stdio");
    const session = await openSession(server);
    const body = call("long", "trigger-long-running-operation", { duration: 0.1, steps: 2 }, { progressToken: "mine" });
    const answer = await exchange(server, { session, body });
    expect(answer.headers["content-type"]).toBe("text/event-stream");
    expect(answer.events.map(({ data }) => data.params?.progressToken ?? data.id)).toEqual(["mine", "mine", "long"]);
  });

  it("carries a request of the server to the GET stream and the client's answer back", async () => {
    const server = command(EVERYTHING, "stdio");
    const session = await openSession(server, { capabilities: CAPABILITIES });
    const stream = start(server, { method: "GET", session });
    const sampled = start(server, { session, body: call(1, "trigger-sampling-request", { prompt: "hi" }) });
    const { data } = await stream.event(({ method }) => method === "sampling/createMessage");
    const result = { role: "assistant", model: "m", content: { type: "text", text: "sampled!" } };
    const answered = await exchange(server, { session, body: { jsonrpc: "2.0", id: data.id, result } });
    expect(answered.status).toBe(202);
    expect((await sampled.done).text).toContain("sampled!");
    stream.exchange.abort("test");
  });

  it("serves server-filesystem", async () => {
    const server = command(FILESYSTEM, "test/fixtures");
    const session = await openSession(server);
    const listed = await exchange(server, {
      session,
      body: call(1, "list_directory", { path: resolve("test/fixtures") }),
    });
    expect(listed.text).toContain("raw-child.mjs");
  });
});

describe("sessions", () => {
  const refusals: readonly { what: string; ask: Ask; status: number; code: number }[] = [
    { what: "a call without a session id", ask: { body: call(1, "echo") }, status: 400, code: -32000 },
    { what: "a GET without a session id", ask: { method: "GET" }, status: 400, code: -32000 },
    { what: "an unknown session (R-35)", ask: { body: call(1, "echo"), session: "none" }, status: 404, code: -32001 },
    { what: "a DELETE of an unknown session", ask: { method: "DELETE", session: "none" }, status: 404, code: -32001 },
    { what: "initialize in a batch", ask: { body: [initializeBody()] }, status: 400, code: -32600 },
  ];
  it.each(refusals)("refuse $what with $status", async ({ ask, status, code }) => {
    const answer = await exchange(raw(), ask);
    expect([answer.status, answer.json.error?.code]).toEqual([status, code]);
  });

  it("do not exist for another principal (R-34)", async () => {
    const server = raw();
    const session = await openSession(server);
    for (const ask of [{ body: call(1, "echo") }, { method: "GET" }, { method: "DELETE" }] as const) {
      expect((await exchange(server, { ...ask, session, principal: BOB })).status).toBe(404);
    }
    expect((await exchange(server, { session, body: call(1, "echo") })).status).toBe(200);
  });

  it("end their child by DELETE, and answer 404 from then on", async () => {
    const server = raw();
    const session = await openSession(server);
    expect((await exchange(server, { method: "DELETE", session })).status).toBe(200);
    expect(server.stats()).toMatchObject({ children: 0, sessions: 0 });
    expect((await exchange(server, { session, body: call(1, "echo") })).status).toBe(404);
  });

  it("end when their child dies: calls in flight fail as exited, later ones get 404, a new session works", async () => {
    const server = raw();
    const session = await openSession(server);
    const hanging = start(server, { session, body: call(1, "silent") });
    const crashed = await exchange(server, { session, body: call(2, "crash") });
    expect(crashed.error).toMatchObject({ kind: "exited", message: "the server ended (exit code 3)" });
    expect((await hanging.done).error?.kind).toBe("exited");
    expect((await exchange(server, { session, body: call(3, "echo") })).status).toBe(404);
  });

  it("end when nobody has used them for the idle time", async () => {
    const server = raw("plain", { idleMs: 50 });
    const session = await openSession(server);
    const stream = start(server, { method: "GET", session });
    await stream.head();
    // An open stream is use: it outlives the idle time several times over; without it the child ends.
    await exchange(server, { session, body: call(1, "echo") });
    stream.exchange.abort("test");
    await expect.poll(() => server.stats().children).toBe(0);
    expect((await exchange(server, { session, body: call(1, "echo") })).status).toBe(404);
  });
});

describe("messages", () => {
  it("keep every byte of arguments and results but the ids: numbers that no double holds, and separators", async () => {
    const server = raw();
    const session = await openSession(server);
    const body =
      '{"jsonrpc":"2.0",\r\n "id":"\\u0061","method":"tools/call",\n"params":{"name":"echo","arguments":{"n":12345678901234567890}}}';
    const echoed = await exchange(server, { session, body });
    expect(echoed.text).toContain('"id":"\\u0061"');
    const big = await exchange(server, { session, body: call(5, "bigNumber") });
    expect(big.text).toContain('"value":12345678901234567890,"text":"a\u2028b"');
    expect(big.text).toMatch(/^\{"jsonrpc":"2\.0", "id" : 5,/);
  });

  it("with equal ids at the same time get one answer each", async () => {
    const server = raw();
    const session = await openSession(server);
    const texts = ["one", "two", "three"].map(async (word) => {
      const { json } = await exchange(server, { session, body: call(1, "echo", { word }) });
      return [json.id, JSON.stringify(json.result).includes(word)];
    });
    expect(await Promise.all(texts)).toEqual(Array(3).fill([1, true]));
  });

  it("of a batch come back as one array (2025-03-26)", async () => {
    const server = raw();
    const revision = "2025-03-26";
    const session = await openSession(server, { revision });
    const note = { jsonrpc: "2.0", method: "notifications/roots/list_changed" };
    const body = [call(1, "echo", { a: 1 }), note, call("two", "echo", { b: 2 })];
    const answer = await exchange(server, { session, revision, body });
    const answers: unknown = answer.json;
    expect(answers).toMatchObject([{ id: 1 }, { id: "two" }]);
    expect((await exchange(server, { session, revision, body: [note] })).status).toBe(202);
  });

  it("that the child forges for requests that are not its own go nowhere", async () => {
    const server = raw();
    const session = await openSession(server);
    const victim = start(server, { session, body: call("victim", "silent", {}, { progressToken: "t" }) });
    const forged = await exchange(server, { session, body: call(9, "forge", { id: "victim", token: "t" }) });
    expect(forged.text).toContain("honest");
    expect(victim.text).toBe("");
    victim.exchange.abort("test");
  });

  it("that cancel name the request in the child's own id", async () => {
    const server = raw();
    const session = await openSession(server);
    const hanging = start(server, { session, body: call("mine", "silent") });
    const cancel = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: "mine" } };
    expect((await exchange(server, { session, body: cancel })).status).toBe(202);
    const other = { ...cancel, params: { requestId: "unknown" } };
    expect((await exchange(server, { session, body: other })).status).toBe(202);
    const seen = await exchange(server, { session, body: { jsonrpc: "2.0", id: 1, method: "test/cancelled" } });
    // 1 was initialize, 2 the hanging call.
    expect(seen.json.result).toEqual({ cancelled: [2] });
    hanging.exchange.abort("test");
  });

  it("that answer no request of the server are refused", async () => {
    const server = raw();
    const session = await openSession(server);
    const body = { jsonrpc: "2.0", id: "q-1", result: {} };
    expect((await exchange(server, { session, body })).status).toBe(400);
  });
});

describe("requests of a legacy server", () => {
  const roots = { jsonrpc: "2.0", id: "q-1", result: { roots: [] } };

  it("go to the only open POST stream where there is no GET stream, and are answered once", async () => {
    const server = raw();
    const session = await openSession(server);
    const asking = start(server, { session, body: call(1, "ask") });
    await asking.event(({ method }) => method === "roots/list");
    expect((await exchange(server, { session, body: roots })).status).toBe(202);
    expect((await asking.done).events.at(-1)?.data.id).toBe(1);
    expect((await exchange(server, { session, body: roots })).status).toBe(400);
  });

  it("are answered with an error when no stream comes for them", async () => {
    const server = raw("plain", { limits: { streamGraceMs: 20 } });
    const session = await openSession(server);
    const asking = await exchange(server, { session, accept: "application/json", body: call(1, "ask") });
    expect(asking.text).toContain("the client has no stream open");
  });

  it("are answered by us when they only ask whether anybody is there", async () => {
    const server = raw();
    const session = await openSession(server);
    const asking = await exchange(server, { session, accept: "application/json", body: call(1, "ping") });
    expect(asking.json.result).toEqual({ content: [{ type: "text", text: "{}" }] });
  });
});

describe("event streams", () => {
  it("wait for the first GET with what came before it", async () => {
    const server = command(EVERYTHING, "stdio");
    const session = await openSession(server);
    await exchange(server, { session, body: call(1, "echo", { message: "x" }) });
    const stream = start(server, { method: "GET", session });
    const { id } = await stream.event(({ method }) => method === "notifications/tools/list_changed");
    expect(id).toBe("0-1");
    stream.exchange.abort("test");
  });

  it("of a GET are replaced by a second GET of the same session", async () => {
    const server = raw();
    const session = await openSession(server);
    const first = start(server, { method: "GET", session });
    await first.head();
    const second = start(server, { method: "GET", session });
    expect((await first.done).error).toBeUndefined();
    second.exchange.abort("test");
  });

  it("need a client that accepts them", async () => {
    const server = raw();
    const session = await openSession(server);
    expect((await exchange(server, { method: "GET", session, accept: "application/json" })).status).toBe(406);
  });

  it("that the client lost are resumed after its last event, answer included: a disconnect is no cancel", async () => {
    const server = raw();
    const session = await openSession(server);
    const asking = start(server, { session, body: call(1, "ask") });
    const { id: lastEventId = "" } = await asking.event(({ method }) => method === "roots/list");
    asking.exchange.abort("the client lost its connection");
    await exchange(server, { session, body: { jsonrpc: "2.0", id: "q-1", result: { roots: ["r"] } } });
    const resumed = await exchange(server, { method: "GET", session, lastEventId });
    expect(resumed.events).toMatchObject([{ data: { id: 1 } }]);
    expect(resumed.text).toContain("r");
  });

  it.each(["x", "9-9", "0-1-2", "1-99999"])("are not resumed after %j, which names no event", async (lastEventId) => {
    const server = raw();
    const session = await openSession(server);
    expect((await exchange(server, { method: "GET", session, lastEventId })).status).toBe(400);
  });
});
