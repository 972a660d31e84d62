import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { BOB, call, exchange, initializeBody, type Rpc, start } from "../../../../test/fixtures/exchange.js";
import { RAW_CHILD, rawUpstream } from "../../../../test/fixtures/raw-upstream.js";
import { silentSystem } from "../../../../test/fixtures/silent-system.js";
import { createStdioUpstream, type StdioUpstream } from "./stdio.js";

const EVERYTHING = "node_modules/@modelcontextprotocol/server-everything/dist/index.js";
const SDK2 = "test/fixtures/sdk2-server.mjs";
const upstreams: StdioUpstream[] = [];

function opened(upstream: StdioUpstream): StdioUpstream {
  upstreams.push(upstream);
  return upstream;
}

const raw: typeof rawUpstream = (...args) => opened(rawUpstream(...args));

function command(...args: string[]): StdioUpstream {
  const [name, hostEnvironment, cwd, system] = ["real", process.env, process.cwd(), silentSystem()] as const;
  return opened(createStdioUpstream({ name, command: [process.execPath, ...args], hostEnvironment, cwd, system }));
}

afterEach(async () => {
  for (const upstream of upstreams.splice(0)) {
    await upstream.close();
    expect(upstream.stats()).toEqual({ children: 0, sessions: 0, answers: 0 });
  }
});

const META = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": {},
};

/** One request of 2026-07-28. */
function modern(body: object, more: object = {}) {
  const { params, ...rest } = body as Rpc;
  const meta = (params?._meta ?? {}) as object;
  return {
    revision: "2026-07-28" as const,
    body: { ...rest, params: { ...params, _meta: { ...META, ...meta } } },
    ...more,
  };
}

const listen = (id: unknown) => ({ jsonrpc: "2.0", id, method: "subscriptions/listen", params: { notifications: {} } });
const cancelledNow = { jsonrpc: "2.0", id: 1, method: "test/cancelled" };

describe("2026-07-28 on a stdio child", () => {
  it("serves requests without a session, one child for each principal", async () => {
    const server = raw("modern");
    const pids = new Set<string>();
    for (const more of [{}, {}, { principal: BOB }]) {
      const answer = await exchange(server, modern(call("a", "place"), more));
      expect([answer.status, answer.json.id, answer.session]).toEqual([200, "a", undefined]);
      pids.add(answer.text);
    }
    expect(pids.size).toBe(2);
    expect(server.stats().children).toBe(2);
  });

  it("shares one child where the operator says so", async () => {
    const server = raw("modern", { shared: true });
    await exchange(server, modern(call(1, "echo")));
    await exchange(server, modern(call(1, "echo"), { principal: BOB }));
    expect(server.stats().children).toBe(1);
  });

  it("keeps equal ids and progress tokens of two clients of one child apart", async () => {
    const server = raw("modern", { shared: true });
    const both = [undefined, BOB].map((principal) =>
      exchange(
        server,
        modern(call(1, "progress", {}, { progressToken: "t" }), principal === undefined ? {} : { principal }),
      ),
    );
    for (const answer of await Promise.all(both)) {
      expect(answer.events.map(({ data }) => data.id ?? data.params?.progressToken)).toEqual(["t", 1]);
    }
  });

  it("binds requestState to its principal in a shared child (R-38), and leaves it alone elsewhere", async () => {
    const stateOf = ({ json }: { json: Rpc }) => json.result?.requestState;
    const retry = (requestState: unknown) => ({
      jsonrpc: "2.0",
      id: 2,
      method: "tools/call",
      params: { name: "state", requestState },
    });
    const shared = raw("modern", { shared: true });
    const mine = stateOf(await exchange(shared, modern(call(1, "state"))));
    const again = await exchange(shared, modern(retry(mine)));
    expect(again.text).toContain("state was");
    const stolen = await exchange(shared, modern(retry(mine), { principal: BOB }));
    expect([stolen.status, stolen.json]).toMatchObject([400, { id: 2, error: { code: -32602 } }]);
    expect(stateOf(await exchange(raw("modern"), modern(call(1, "state"))))).toBe("s-1");
  });

  it("places a log line only where one request is open, and never in a shared child", async () => {
    const alone = await exchange(raw("modern"), modern(call(1, "log")));
    expect(alone.events.map(({ data }) => data.method)).toEqual(["notifications/message", undefined]);
    const shared = await exchange(raw("modern", { shared: true }), modern(call(1, "log")));
    expect(shared.headers["content-type"]).toBe("application/json");
  });

  it("streams subscriptions/listen under the client's id until the client leaves, which the child hears as a cancel", async () => {
    const server = raw("modern");
    const stream = start(server, modern(listen("sub-7")));
    await stream.event(({ method }) => method === "notifications/resources/updated");
    const ids = stream.events.map(({ data }) => {
      const meta = (data.params?._meta ?? {}) as Record<string, unknown>;
      return meta["io.modelcontextprotocol/subscriptionId"];
    });
    expect(ids).toEqual(["sub-7", "sub-7"]);
    stream.exchange.abort("the client left");
    const seen = await exchange(server, modern(cancelledNow));
    expect(seen.json.result).toEqual({ cancelled: [1] });
  });

  it("turns a disconnect into a cancel, and frees the request", async () => {
    const server = raw("modern");
    await exchange(server, modern(call(0, "echo")));
    const hanging = start(server, modern(call(1, "silent")));
    await exchange(server, modern(call(2, "echo")));
    hanging.exchange.abort("the client left");
    const seen = await exchange(server, modern(cancelledNow));
    expect(seen.json.result).toEqual({ cancelled: [2] });
  });

  it("keeps nothing of 5,000 clients that disconnect: no request, no stream, no timer", async () => {
    const server = raw("modern", { limits: { openRequests: 8 } });
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    await exchange(server, modern(call(0, "echo")));
    const before = timers();
    const kinds = [call(1, "silent"), call(2, "progress", {}, { progressToken: 1 }), listen(3)];
    for (let left = 0; left < 5_000; left += 8) {
      const leaving = Array.from({ length: 8 }, (_, at) => start(server, modern(kinds[at % kinds.length] ?? {})));
      await new Promise(setImmediate);
      for (const { exchange: upstream } of leaving) upstream.abort("the client left");
    }
    expect((await exchange(server, modern(call(4, "echo")))).status).toBe(200);
    expect(server.stats()).toEqual({ children: 1, sessions: 0, answers: 0 });
    expect(timers()).toBeLessThanOrEqual(before);
  });

  it("gives errors of the protocol their HTTP status, with GET and DELETE 405", async () => {
    const server = raw("modern");
    const unknown = await exchange(server, modern({ jsonrpc: "2.0", id: 4, method: "no/such" }));
    expect([unknown.status, unknown.json]).toMatchObject([404, { id: 4, error: { code: -32601 } }]);
    for (const method of ["GET", "DELETE"] as const) {
      expect((await exchange(server, { method, revision: "2026-07-28" })).status).toBe(405);
    }
  });

  it("gets a new child after one that died", async () => {
    let now = 0;
    const server = raw("modern", { system: { ...silentSystem(), monotonicMs: () => now } });
    await exchange(server, modern(call(0, "echo")));
    now += 60_000;
    expect((await exchange(server, modern(call(1, "crash")))).error?.kind).toBe("exited");
    expect((await exchange(server, modern(call(2, "echo")))).status).toBe(200);
  });

  it("is answered by a legacy server with a 400 that is no modern error, so that clients fall back to initialize (R-163)", async () => {
    const answer = await exchange(raw(), modern({ jsonrpc: "2.0", id: 9, method: "server/discover" }));
    expect([answer.status, answer.json]).toMatchObject([400, { id: 9, error: { code: -32000 } }]);
  });

  it("is all that a modern server speaks: a legacy client hears the supported versions", async () => {
    const server = command(SDK2, "--stdio", "--era", "modern");
    expect((await server.describe()).era).toBe("modern");
    const answer = await exchange(server, { body: initializeBody() });
    expect([answer.status, answer.json]).toMatchObject([
      400,
      { id: 0, error: { code: -32022, data: { supported: ["2026-07-28"] } } },
    ]);
  });
});

describe("describing a command", () => {
  it("finds a legacy server with the tools that it shows to capable clients only", async () => {
    const server = command(EVERYTHING, "stdio");
    const { era, serverInfo, tools } = await server.describe();
    expect([era, serverInfo?.name]).toEqual(["legacy", "mcp-servers/everything"]);
    const names = tools.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["echo", "trigger-sampling-request", "get-roots-list"]));
    expect(server.stats().children).toBe(0);
  });

  it("finds a server of both eras", async () => {
    const { era, serverInfo, tools } = await command(SDK2, "--stdio").describe();
    expect([era, serverInfo?.name]).toEqual(["both", "sdk2-server"]);
    expect(tools.find(({ name }) => name === "read_note")?.annotations).toEqual({ readOnlyHint: true });
  });

  it("reads all pages of the list", async () => {
    const { era, tools } = await raw("modern").describe();
    expect([era, new Set(tools.map(({ name }) => name)).size]).toEqual(["modern", tools.length]);
    expect(tools.length).toBeGreaterThan(10);
  });

  it("asks a fresh process where the first exits on a message before initialize", async () => {
    expect((await raw("strict").describe()).era).toBe("legacy");
  });

  it("says why a command ended at its start, and logs each of its lines once", async () => {
    const system = silentSystem();
    const described = raw("exits", { system }).describe();
    await expect(described).rejects.toMatchObject({ options: { lastLines: ["cannot find the secret file"] } });
    expect(system.lines.map(({ message }) => message)).toEqual(["server says", "server ended"]);
  });

  it("logs a line of one process as often as it is said", async () => {
    const system = silentSystem();
    const script = "console.error('loading'); console.error('loading'); process.exitCode = 3;";
    await expect(raw("x", { system, command: [process.execPath, "-e", script] }).describe()).rejects.toThrow();
    expect(system.lines.map(({ message }) => message)).toEqual(["server says", "server says", "server ended"]);
  });

  it("that failed at the start is started again at the next call", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sallyport-mended-"));
    const file = join(folder, "server.mjs");
    const server = raw("x", { command: [process.execPath, file] });
    await expect(server.describe()).rejects.toMatchObject({ kind: "exited" });
    copyFileSync(RAW_CHILD, file);
    expect((await exchange(server, { body: initializeBody() })).status).toBe(200);
    rmSync(folder, { recursive: true });
  });

  it.each([
    ["exits", "exited", 10_000],
    ["silent", "timeout", 50],
    ["refuses", "protocol", 10_000],
  ])("fails for a command that %s as %s", async (mode, kind, patienceMs) => {
    const described = raw(mode, { limits: { discoverMs: patienceMs, describeMs: patienceMs } }).describe();
    await expect(described).rejects.toMatchObject({ name: "UpstreamError", kind });
  });
});
