import { afterEach, describe, expect, test } from "vitest";
import { UpstreamError } from "../upstream/upstream.js";
import { type Answer, events, json, result } from "./testing/fake-upstream.js";
import { call, createHarness, type Harness, type HarnessOptions } from "./testing/harness.js";

const running: Harness[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map(({ gateway }) => gateway.close()));
});

async function start(options: HarnessOptions = {}): Promise<Harness> {
  const harness = await createHarness(options);
  running.push(harness);
  return harness;
}

const tools = [
  { name: "read_notes", annotations: { readOnlyHint: true }, x: 1e21 },
  { name: "write_note" },
  { name: "unmapped_tool" },
];
const rpc = (method: string, params: object = {}, id: string | number = 1) => ({ jsonrpc: "2.0", id, method, params });

describe("an answer of the upstream", () => {
  const PASSED: readonly { what: string; answer: Answer; status: number; body: string }[] = [
    {
      what: "a 404 of its own",
      answer: json({ error: "gone" }, { status: 404 }),
      status: 404,
      body: '{"error":"gone"}',
    },
    {
      what: "a 400 that makes a client fall back",
      answer: json({ e: 1 }, { status: 400 }),
      status: 400,
      body: '{"e":1}',
    },
    { what: "a 500", answer: json({ e: 2 }, { status: 500 }), status: 500, body: '{"e":2}' },
  ];
  test.each(PASSED)("$what goes through unchanged", async ({ answer, status, body }) => {
    const { post } = await start({ answer });
    const response = await post(call("read_notes"));
    expect([response.status, await response.text()]).toEqual([status, body]);
  });

  test.each([401, 403, 407])(
    "with status %i is about the gateway's credentials: a named 502 (R-146)",
    async (status) => {
      const headers = { "www-authenticate": 'Bearer realm="upstream"', "set-cookie": "a=b" };
      const { post, upstream } = await start({ answer: json({}, { status, headers }) });
      const response = await post(call("read_notes", {}, "id-1"));
      expect(response.status).toBe(502);
      expect(response.headers.get("www-authenticate")).toBeNull();
      expect(response.headers.get("set-cookie")).toBeNull();
      expect(await response.json()).toMatchObject({
        id: "id-1",
        error: { data: { reason: "upstream_refused_gateway" } },
      });
      expect(upstream.open).toBe(0);
    },
  );

  test.each([301, 302, 307, 308])("with status %i is a redirect, which is not followed", async (status) => {
    const { post } = await start({ answer: json({}, { status, headers: { location: "https://evil.example/" } }) });
    const response = await post(call("read_notes"));
    expect([response.status, response.headers.get("location")]).toEqual([502, null]);
  });

  test("that nobody asked to encode is not passed on", async () => {
    const { post } = await start({ answer: json({}, { headers: { "content-encoding": "gzip" } }) });
    expect((await post(call("read_notes"))).status).toBe(502);
  });

  const FAILURES: readonly [UpstreamError["kind"], number][] = [
    ["unreachable", 502],
    ["protocol", 502],
    ["exited", 502],
    ["timeout", 504],
    ["overloaded", 503],
  ];
  test.each(FAILURES)(
    "that does not come (%s) is %i with the request's id, and says which side is wrong",
    async (kind, status) => {
      const secret = "connect ECONNREFUSED 10.0.0.7:9001";
      const { post } = await start({ answer: ({ handler }) => handler.onError(new UpstreamError(kind, secret)) });
      const response = await post(call("read_notes", {}, 9));
      const text = await response.text();
      expect(response.status).toBe(status);
      expect(JSON.parse(text)).toMatchObject({ id: 9, error: { code: -32603, data: { reason: `upstream_${kind}` } } });
      expect(text).not.toContain("10.0.0.7");
      expect(response.headers.get("retry-after")).toBe(kind === "overloaded" ? "1" : null);
    },
  );

  test("that breaks off in the middle breaks off for the client too", async () => {
    const { post } = await start({
      answer: ({ handler }) => {
        handler.onHead(200, { "content-type": "text/plain" });
        handler.onData(Buffer.from("half"));
        handler.onError(new UpstreamError("unreachable", "reset"));
      },
    });
    await expect(post(call("read_notes")).then((response) => response.text())).rejects.toThrow();
  });

  test("in pieces arrives whole, with or without a length", async () => {
    for (const headers of [{}, { "content-length": "9" }]) {
      const { post } = await start({
        answer: ({ handler }) => {
          handler.onHead(200, { "content-type": "application/json", ...headers });
          for (const piece of ['{"a"', ":1", "00}"]) handler.onData(Buffer.from(piece));
          handler.onEnd();
        },
      });
      expect(await (await post(call("read_notes"))).text()).toBe('{"a":100}');
    }
  });
});

describe("a list", () => {
  const listed = async (harness: Harness, claims: Record<string, unknown> = {}) => {
    const response = await harness.post(rpc("tools/list"), await harness.caller(claims));
    const text = await response.text();
    const message = JSON.parse(text.startsWith("{") ? text : (/^data: (.*)$/m.exec(text)?.[1] ?? ""));
    return message.result.tools.map(({ name }: { name: string }) => name);
  };
  const asEvents: Answer = (exchange) =>
    events(`id: 1\ndata: ${JSON.stringify({ jsonrpc: "2.0", id: 1, result: { tools } })}\n\n`)(exchange);
  const streamed: Answer = (exchange) => {
    asEvents(exchange);
    exchange.handler.onEnd();
  };

  test.each([
    ["JSON", result({ tools })],
    ["an event stream", streamed],
  ])("as %s shows what is granted and what stepping up would reach (R-40)", async (_form, answer) => {
    expect(await listed(await start({ answer }))).toEqual(["read_notes", "write_note"]);
  });

  test("shows only what is granted where the server wants it so", async () => {
    expect(await listed(await start({ answer: result({ tools }), server: { list: "granted" } }))).toEqual([
      "read_notes",
    ]);
  });

  test("is shown to the catalogue whole before it is filtered", async () => {
    const seen: unknown[] = [];
    const harness = await start({ answer: result({ tools }), server: { observeTools: (list) => seen.push(...list) } });
    await listed(harness);
    expect(seen).toEqual(tools);
  });

  test("in a batch is filtered by the id of its request", async () => {
    const answers = [
      { jsonrpc: "2.0", id: 2, result: { tools } },
      { jsonrpc: "2.0", id: 1, result: { content: [{ type: "text", text: "unmapped_tool" }] } },
    ];
    const { post } = await start({ answer: json(answers) });
    const shown = (await (await post([call("read_notes", {}, 1), rpc("tools/list", {}, 2)])).json()) as typeof answers;
    expect(shown[0]?.result.tools?.map(({ name }) => name)).toEqual(["read_notes", "write_note"]);
    expect(shown[1]).toEqual(answers[1]);
  });

  test("that cannot be read is not shown", async () => {
    const text = "unmapped_tool";
    const answer: Answer = ({ handler }) => {
      handler.onHead(200, { "content-type": "text/plain", "content-length": String(text.length) });
      handler.onData(Buffer.from(text));
      handler.onEnd();
    };
    const { post } = await start({ answer });
    const response = await post(rpc("tools/list"));
    expect(response.status).toBe(502);
    expect(await response.text()).not.toContain(text);
  });

  test("larger than the bound is not shown", async () => {
    const { post, upstream } = await start({ answer: result({ tools }), gateway: { limits: { listBytes: 50 } } });
    expect((await post(rpc("tools/list"))).status).toBe(502);
    expect(upstream.open).toBe(0);
  });
});

describe("a task (R-49)", () => {
  const headers = async (harness: Harness, sub = "user-1") => ({
    ...(await harness.caller({ sub })),
    "mcp-protocol-version": "2025-11-25",
  });
  const create = { ...call("read_notes"), params: { name: "read_notes", arguments: {}, task: { ttl: 1_000 } } };

  test("is its maker's: judged as the call that made it, and missing for everyone else", async () => {
    const harness = await start({ answer: result({ task: { taskId: "t-1", status: "working" } }) });
    const ask = rpc("tasks/get", { taskId: "t-1" }, 2);
    expect((await harness.post(ask, await headers(harness))).status).toBe(400);
    await harness.post(create, await headers(harness));
    expect((await harness.post(ask, await headers(harness))).status).toBe(200);
    expect((await harness.post(ask, await headers(harness, "user-2"))).status).toBe(400);
    expect(harness.upstream.exchanges).toHaveLength(2);
  });

  test("is listed to its maker only", async () => {
    let answer: unknown = { task: { taskId: "t-1" } };
    const harness = await start({ answer: (exchange) => result(answer)(exchange) });
    await harness.post(create, await headers(harness));
    answer = { tasks: [{ taskId: "t-1" }, { taskId: "t-2" }] };
    const listOf = async (sub: string) => {
      const response = await harness.post(rpc("tasks/list"), await headers(harness, sub));
      return ((await response.json()) as { result: { tasks: unknown[] } }).result.tasks;
    };
    expect(await listOf("user-1")).toEqual([{ taskId: "t-1" }]);
    expect(await listOf("user-2")).toEqual([]);
  });
});
