import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import type { Principal } from "@sallyport/auth";
import { afterEach, describe, expect, it } from "vitest";
import {
  ALICE,
  BOB,
  type Collected,
  call,
  exchange,
  initializeBody,
  openSession,
  start,
} from "../../../../test/fixtures/exchange.js";
import { rawUpstream } from "../../../../test/fixtures/raw-upstream.js";
import { silentSystem } from "../../../../test/fixtures/silent-system.js";
import type { StdioUpstream } from "./stdio.js";

const upstreams: StdioUpstream[] = [];

const raw: typeof rawUpstream = (...args) => {
  const upstream = rawUpstream(...args);
  upstreams.push(upstream);
  return upstream;
};

afterEach(async () => {
  for (const upstream of upstreams.splice(0)) {
    await upstream.close();
    expect(upstream.stats()).toEqual({ children: 0, sessions: 0, answers: 0 });
  }
});

const initialize = (upstream: StdioUpstream) => exchange(upstream, { body: initializeBody() });

async function callText(upstream: StdioUpstream, session: string, name: string): Promise<string> {
  const { json } = await exchange(upstream, { session, body: call(1, name) });
  const [content] = (json.result?.content ?? []) as readonly { text: string }[];
  return content?.text ?? "";
}

function isRunning(pid: number): boolean {
  try {
    // A zombie still takes signals: its state in /proc tells it from a running process.
    process.kill(pid, 0);
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch {
    return false;
  }
}

describe("a child is a stranger", () => {
  it("that gets the allow-listed environment, and what is configured for it", async () => {
    const hostEnvironment = {
      ...{ PATH: process.env.PATH, HOME: "/home/x", LANG: "C", LC_ALL: "C", TZ: "UTC", TMPDIR: tmpdir() },
      ...{ SALLYPORT_MASTER_KEY: "secret", NODE_OPTIONS: "--inspect", AWS_SECRET_ACCESS_KEY: "secret", lc_x: "no" },
    };
    const server = raw("plain", { hostEnvironment, env: { API_KEY: "its own", TZ: "CET" } });
    const environment = JSON.parse(await callText(server, await openSession(server), "env"));
    expect(Object.keys(environment).sort()).toEqual(["API_KEY", "HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "TZ"]);
    expect(environment).toMatchObject({ API_KEY: "its own", TZ: "CET" });
  });

  it("that runs where it is told, without a shell, and hears nothing of the caller", async () => {
    const server = raw("$(id); echo", { cwd: tmpdir() });
    const session = await openSession(server);
    const place = await callText(server, session, "place");
    expect(JSON.parse(place)).toMatchObject({ cwd: tmpdir(), argv: ["$(id); echo"] });
    expect(place).not.toContain(ALICE.sub);
  });

  it("whose whole process group ends with it, also when it ignores SIGTERM", async () => {
    const server = raw("deaf");
    const session = await openSession(server);
    const { pid } = JSON.parse(await callText(server, session, "place"));
    const grandchild = Number(await callText(server, session, "spawn"));
    expect([isRunning(pid), isRunning(grandchild)]).toEqual([true, true]);
    await exchange(server, { method: "DELETE", session });
    await expect.poll(() => [isRunning(pid), isRunning(grandchild)]).toEqual([false, false]);
  });
});

describe("a child that", () => {
  it("prints garbage is served past it, with the garbage in the log under its name", async () => {
    const system = silentSystem();
    const server = raw("garbage", { system });
    expect((await initialize(server)).status).toBe(200);
    const lines = system.lines.map(({ fields }) => fields.line);
    expect(lines).toContain('not a message on stdout: "Welcome to the server!"');
    await expect.poll(() => system.lines.map(({ fields }) => fields.line)).toContain("to stderr");
    expect(system.lines.every(({ fields }) => fields.server === "garbage")).toBe(true);
  });

  it("exits at its start fails as exited: its last words are in the log, not in the error", async () => {
    const system = silentSystem();
    const { error, status } = await initialize(raw("exits", { system }));
    expect([status, error?.kind, error?.message]).toEqual([0, "exited", "the server ended (exit code 7)"]);
    const ended = system.lines.find(({ message }) => message === "server ended");
    expect(ended?.fields).toMatchObject({ lastLines: ["cannot find the secret file"] });
  });

  it("does not exist fails as exited", async () => {
    const { error } = await initialize(raw("none", { command: ["/does/not/exist"] }));
    expect([error?.kind, error?.message]).toEqual(["exited", "the server cannot be started"]);
  });

  it("never answers initialize fails as timeout and is ended", async () => {
    const server = raw("silent", { limits: { startMs: 30 } });
    expect((await initialize(server)).error?.kind).toBe("timeout");
    await expect.poll(() => server.stats().children).toBe(0);
  });

  it("refuses initialize leaves no session", async () => {
    const server = raw("refuses");
    const answer = await initialize(server);
    expect([answer.status, answer.session, answer.json.error?.code]).toEqual([200, undefined, -32603]);
    await expect.poll(() => server.stats().sessions).toBe(0);
  });

  it("never answers a call fails it as timeout, and is told", async () => {
    const server = raw("plain", { limits: { answerMs: 30 } });
    const session = await openSession(server);
    expect((await exchange(server, { session, body: call(1, "silent") })).error?.kind).toBe("timeout");
    const seen = await exchange(server, { session, body: { jsonrpc: "2.0", id: 1, method: "test/cancelled" } });
    expect(seen.json.result).toEqual({ cancelled: [2] });
  });

  it("writes a line without end fails as protocol and is ended", async () => {
    const server = raw("endless", { limits: { maxLineBytes: 100_000 } });
    expect((await initialize(server)).error?.kind).toBe("protocol");
    await expect.poll(() => server.stats().children).toBe(0);
  });

  it("floods its session waits while the client does not read, and loses nothing", async () => {
    const server = raw();
    const session = await openSession(server);
    const flood = start(server, { session, body: call(1, "flood") });
    flood.flowing = false;
    await flood.event(({ method }) => method === "notifications/message");
    const seen = flood.events.length;
    await exchange(raw(), { body: initializeBody() });
    // What one read of the pipe held (64 KiB) has come, and no more.
    expect(flood.events.length - seen).toBeLessThan(200);
    flood.flowing = true;
    flood.exchange.resume();
    await flood.done;
    expect(flood.events.length).toBe(5_001);
  });

  it("does not read is not fed without bound", async () => {
    const server = raw("plain", { limits: { maxQueuedBytes: 200_000 } });
    const session = await openSession(server);
    const body = call(1, "echo", { text: "x".repeat(100_000) });
    const bodies = [call(2, "busy"), ...Array.from({ length: 20 }, () => body)];
    const all = await Promise.all(bodies.map((each) => exchange(server, { session, body: each })));
    const kinds = new Set(all.map(({ error, status }) => error?.kind ?? status));
    expect(kinds).toEqual(new Set([200, "overloaded"]));
  });
});

describe("ceilings", () => {
  it("bound the children of one principal, and of all (503 with Retry-After)", async () => {
    const server = raw("plain", { limits: { childrenPerPrincipal: 2, children: 3 } });
    const streams: Collected[] = [];
    const openBusy = async (principal = ALICE) => {
      const session = await openSession(server, { principal });
      streams.push(await start(server, { method: "GET", session, principal }).head());
    };
    await openBusy();
    await openBusy();
    const refused = await exchange(server, { body: initializeBody() });
    expect(refused.error).toMatchObject({ kind: "overloaded", options: { retryAfter: 10 } });
    await openBusy(BOB);
    const full = await exchange(server, { principal: BOB, body: initializeBody() });
    expect(full.error?.message).toBe("as many servers are running as may run");
    for (const stream of streams) stream.exchange.abort("test");
  });

  it("let a new session of a principal take the place of its own oldest unused one", async () => {
    const server = raw("plain", { limits: { childrenPerPrincipal: 2 } });
    const [first = "", second = ""] = [await openSession(server), await openSession(server)];
    await exchange(server, { session: first, body: call(1, "echo") });
    await openSession(server);
    expect((await exchange(server, { session: second, body: call(1, "echo") })).status).toBe(404);
    expect((await exchange(server, { session: first, body: call(1, "echo") })).status).toBe(200);
  });

  it("bound the open requests of one child", async () => {
    const server = raw("plain", { limits: { openRequests: 2 } });
    const session = await openSession(server);
    const hanging = [1, 2].map((id) => start(server, { session, body: call(id, "silent") }));
    expect((await exchange(server, { session, body: call(3, "echo") })).error?.kind).toBe("overloaded");
    for (const one of hanging) one.exchange.abort("test");
  });

  it("delay the next start after one that failed, longer each time, for that principal only", async () => {
    let now = 0;
    const server = raw("exits", { system: { ...silentSystem(), monotonicMs: () => now } });
    const waits: unknown[] = [];
    for (const wait of [500, 1_000, 2_000]) {
      expect((await initialize(server)).error?.kind).toBe("exited");
      const { error } = await initialize(server);
      waits.push([error?.kind, error?.options.retryAfter]);
      now += wait;
    }
    expect(waits).toEqual([
      ["overloaded", 1],
      ["overloaded", 1],
      ["overloaded", 2],
    ]);
    await initialize(server);
    expect((await exchange(server, { principal: BOB, body: initializeBody() })).error?.kind).toBe("exited");
  });
});

describe("leaks", () => {
  it("are none after 100 sessions, ended in every way there is", async () => {
    const open = () => process.getActiveResourcesInfo().filter((name) => /Pipe|Process|Socket/.test(name)).length;
    const server = raw("plain", { limits: { childrenPerPrincipal: 10 } });
    await exchange(server, { method: "DELETE", session: await openSession(server) });
    const before = open();
    const ways = [
      (session: string, principal: Principal) => exchange(server, { method: "DELETE", session, principal }),
      (session: string, principal: Principal) => exchange(server, { session, principal, body: call(1, "crash") }),
      (session: string, principal: Principal) => {
        start(server, { session, principal, body: call(1, "silent") }).exchange.abort("test");
        return exchange(server, { method: "DELETE", session, principal });
      },
      (session: string, principal: Principal) => {
        start(server, { method: "GET", session, principal });
        return exchange(server, { method: "DELETE", session, principal });
      },
    ] as const;
    for (let round = 0; round < 25; round++) {
      // A principal for each, because one whose child crashed has to wait for the next.
      await Promise.all(
        ways.map(async (end, way) => {
          const principal = { ...ALICE, sub: `${round}-${way}` };
          await end(await openSession(server, { principal }), principal);
        }),
      );
    }
    await expect.poll(() => server.stats()).toEqual({ children: 0, sessions: 0, answers: 0 });
    await expect.poll(open).toBeLessThanOrEqual(before + 2);
  });
});
