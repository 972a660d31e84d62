import { describe, expect, test } from "vitest";
import { startMetricsServer } from "./metrics-server.js";
import { Readiness } from "./readiness.js";

interface World {
  now: number;
  silentMs: number;
  log: string | undefined;
  key: () => Promise<unknown>;
}

async function createWorld(change: Partial<World> = {}) {
  const world: World = { now: 0, silentMs: 100, log: undefined, key: async () => "key", ...change };
  const readiness = new Readiness({
    system: { monotonicMs: () => world.now },
    store: { silentMs: () => world.silentMs, boundMs: 5_000 },
    logFailure: () => world.log,
    loadKey: () => world.key(),
    servers: ["crm", "files"],
  });
  return { world, readiness };
}

describe("a process is ready", () => {
  test("when the store is heard, the log takes records and the key opens", async () => {
    const { readiness } = await createWorld();
    expect(readiness.read()).toMatchObject({ ready: false, reasons: ["the signing key has not been loaded"] });
    await readiness.start();
    expect(readiness.read()).toMatchObject({ ready: true, reasons: [] });
  });

  test.each([
    ["the store is silent beyond its bound", { silentMs: 5_001 }, "the store has not answered for 5 s"],
    [
      "it was never heard",
      { silentMs: Number.POSITIVE_INFINITY },
      "the store has not answered for any time since the start",
    ],
    ["the log cannot be written", { log: "ENOSPC" }, "the decision log cannot be written: ENOSPC"],
    [
      "the key does not open",
      { key: () => Promise.reject(new Error("/etc/master.key")) },
      "the signing key cannot be opened",
    ],
  ])("not when %s, and says so", async (_, change, reason) => {
    const { readiness } = await createWorld(change);
    await readiness.start();
    expect(readiness.read()).toMatchObject({ ready: false, reasons: [reason] });
  });

  test("again when what failed is back, without a restart", async () => {
    const { world, readiness } = await createWorld({ key: () => Promise.reject(new Error("not now")) });
    await readiness.start();
    world.key = async () => "key";
    world.now = 5_001;
    readiness.read();
    await expect.poll(() => readiness.read().ready).toBe(true);
  });

  test("with servers behind that do not answer, which it tells", async () => {
    const { world, readiness } = await createWorld();
    await readiness.start();
    readiness.upstreamAnswered("crm", "unreachable");
    readiness.upstreamAnswered("files", "overloaded");
    world.now = 4_000;
    expect(readiness.read()).toEqual({
      ready: true,
      reasons: [],
      servers: {
        crm: { upstream: "failing", error: "unreachable", secondsAgo: 4 },
        files: { upstream: "reachable", secondsAgo: 4 },
      },
    });
  });
});

describe("the address of the metrics", () => {
  async function serve(host = "127.0.0.1") {
    const { world, readiness } = await createWorld();
    await readiness.start();
    const server = await startMetricsServer({
      listen: { host, port: 0 },
      metrics: { contentType: "text/plain; version=0.0.4", render: async () => "a_total 1\n" },
      health: () => readiness.read(),
      system: { log: () => {} },
    });
    return { world, server };
  }

  test("serves metrics, life and readiness, and nothing else", async () => {
    const { world, server } = await serve();
    const get = async (path: string, init: RequestInit = {}) => {
      const response = await fetch(server.url + path, init);
      return [response.status, await response.text()];
    };
    expect(await get("/metrics")).toEqual([200, "a_total 1\n"]);
    expect(await get("/healthz")).toEqual([200, '{"status":"alive"}\n']);
    expect(await get("/readyz")).toEqual([
      200,
      '{"status":"ready","reasons":[],"servers":{"crm":{"upstream":"unknown"},"files":{"upstream":"unknown"}}}\n',
    ]);
    world.silentMs = 9_000;
    expect(await get("/readyz")).toEqual([
      503,
      expect.stringContaining('"reasons":["the store has not answered for 9 s"]'),
    ]);
    expect(await get("/readyz", { method: "HEAD" })).toEqual([503, ""]);
    expect((await get("/metrics", { method: "POST" }))[0]).toBe(405);
    expect((await get("/"))[0]).toBe(404);
    await server.close();
  });

  test("on loopback is no page's to read under a name of its own", async () => {
    const { server } = await serve();
    const { request } = await import("node:http");
    const status = await new Promise((resolve) =>
      request(`${server.url}/metrics`, { headers: { host: "evil.example" } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      }).end(),
    );
    expect(status).toBe(403);
    await server.close();
  });
});
