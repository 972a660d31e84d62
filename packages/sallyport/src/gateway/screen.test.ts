import { Client as Client2, StreamableHTTPClientTransport as Transport2 } from "@modelcontextprotocol/client";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as Transport1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { ListRootsRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { MODERN } from "@sallyport/auth";
import { afterEach, describe, expect, test } from "vitest";
import { startSdk1Server } from "../../../../test/fixtures/sdk1-server.js";
import { startSdk2Server } from "../../../../test/fixtures/sdk2-server.js";
import { silentSystem } from "../../../../test/fixtures/silent-system.js";
import type { RuleConfig } from "../config/schema.js";
import { type Decided, type DecisionRecorder, LogUnavailable } from "../decision-log/contract.js";
import { createDefaultPolicy } from "../policy/default-policy.js";
import { PolicyHolder } from "../policy/policy-holder.js";
import { compileRules, withRules } from "../policy/rules.js";
import { createHttpUpstream } from "../upstream/http.js";
import { createStdioUpstream } from "../upstream/stdio.js";
import type { Upstream } from "../upstream/upstream.js";
import { type Answer, events, json } from "./testing/fake-upstream.js";
import { call, createHarness, type Harness, type HarnessOptions, plainSealer } from "./testing/harness.js";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function policyOf(...rules: readonly RuleConfig[]) {
  return withRules(createDefaultPolicy({ scopeOf: () => "mcp:read" }), compileRules({ rules, servers: {} }, ""));
}

/** Keeps what it is given. */
function createRecorder() {
  const decided: Decided[] = [];
  const recorder: DecisionRecorder = { record: (one) => void decided.push(one) };
  const requests = () =>
    decided.flatMap(({ judged }) =>
      judged
        .filter(({ call }) => call.kind === "request")
        .map(({ call, decision }) => `${call.method} ${decision.outcome} ${decision.rule}`),
    );
  return { recorder, requests };
}

async function start(options: HarnessOptions): Promise<Harness> {
  const harness = await createHarness(options);
  closers.push(() => harness.gateway.close());
  return harness;
}

const NO_ROOTS = { deny: "requests/roots", because: "This server learns no folders." };
const INFO = { name: "asked", version: "1.0.0" };

describe("a real server that asks what a rule denies gets an error, and the client never sees it:", () => {
  /** Behind a gateway that denies; how often the client was asked. */
  async function behind(upstream: Upstream, rules: readonly RuleConfig[]) {
    const { recorder, requests } = createRecorder();
    const harness = await start({
      server: { upstream, decisions: recorder },
      resourceServer: { policy: policyOf(...rules) },
    });
    closers.push(() => upstream.close());
    const { authorization = "" } = await harness.caller();
    return { url: new URL(harness.url), requestInit: { headers: { authorization } }, requests };
  }

  async function sdk1Upstream() {
    const server = await startSdk1Server();
    closers.push(() => server.close());
    return createHttpUpstream({ url: server.url, system: silentSystem() });
  }

  const ROOTS = { roots: [{ uri: "file:///home/ada" }] };
  const OPTIONS = { capabilities: { roots: {} } };

  test.each([
    ["denied", [NO_ROOTS], 0, "This server learns no folders.", "deny"],
    [
      "allowed by a rule whose condition holds",
      [{ allow: "requests/*", when: 'principal.sub == "user-1"' }],
      1,
      "file:///home/ada",
      "allow",
    ],
  ] as const)(
    "SDK 1.32 over HTTP, %s, asked through clients of SDK 1.32 and 2.4",
    async (_, rules, times, says, outcome) => {
      const { url, requestInit, requests } = await behind(await sdk1Upstream(), rules);
      let asked = 0;
      const old = new Client1(INFO, OPTIONS);
      closers.unshift(() => old.close());
      old.setRequestHandler(ListRootsRequestSchema, () => {
        asked += 1;
        return ROOTS;
      });
      await old.connect(new Transport1(url, { requestInit }) as Transport);
      expect(JSON.stringify(await old.callTool({ name: "ask_roots", arguments: {} }))).toContain(says);
      expect(asked).toBe(times);
      const young = new Client2(INFO, OPTIONS);
      closers.unshift(() => young.close());
      young.setRequestHandler("roots/list", () => {
        asked += 1;
        return ROOTS;
      });
      await young.connect(new Transport2(url, { requestInit }));
      expect(JSON.stringify(await young.callTool({ name: "ask_roots", arguments: {} }))).toContain(says);
      expect(asked).toBe(2 * times);
      expect(requests()).toEqual([1, 2].map(() => expect.stringContaining(`roots/list ${outcome} rules[0]`)));
    },
  );

  const SDK2 = new URL("../../../../test/fixtures/sdk2-server.mjs", import.meta.url).pathname;

  test.each(["requests/elicitation", "requests/*"])("SDK 2.4 over stdio in a legacy revision, by %s", async (deny) => {
    const upstream = createStdioUpstream({
      name: "asker",
      command: [process.execPath, SDK2, "--stdio"],
      hostEnvironment: process.env,
      cwd: process.cwd(),
      system: silentSystem(),
    });
    const { url, requestInit, requests } = await behind(upstream, [{ deny, because: "Nobody is asked." }]);
    const client = new Client1(INFO, { capabilities: { elicitation: {} } });
    closers.unshift(() => client.close());
    await client.connect(new Transport1(url, { requestInit }) as Transport);
    const result = await client.callTool({ name: "ask_name", arguments: {} });
    expect(JSON.stringify(result)).toContain("Nobody is asked.");
    expect(requests()).toEqual([expect.stringContaining("elicitation/create deny rules[0]")]);
  });

  test("SDK 2.4 in 2026-07-28: the answer that asks becomes an error", async () => {
    const server = await startSdk2Server();
    closers.push(() => server.close());
    const upstream = createHttpUpstream({ url: server.url, system: silentSystem() });
    const rule = { deny: "requests/elicitation", when: 'args.message.startsWith("Who")', because: "Nobody is asked." };
    const { url, requestInit, requests } = await behind(upstream, [rule]);
    let asked = 0;
    const client = new Client2(INFO, {
      versionNegotiation: { mode: "auto" },
      capabilities: { elicitation: { form: {} } },
    });
    closers.unshift(() => client.close());
    client.setRequestHandler("elicitation/create", () => {
      asked += 1;
      return { action: "accept", content: { name: "Ada" } };
    });
    await client.connect(new Transport2(url, { requestInit }));
    await expect(client.callTool({ name: "ask_name", arguments: {} })).rejects.toThrow("Nobody is asked.");
    expect(asked).toBe(0);
    expect(requests()).toEqual([expect.stringContaining("elicitation/create deny rules[0]")]);
  });
});

describe("what a server asks, in whatever form", () => {
  const RULES = [
    { deny: "requests/sampling", because: "No model for this server." },
    { deny: "requests/elicitation", when: 'has(args.mode) && args.mode == "url"', because: "No addresses." },
  ];
  const session = { sub: "user-1", client_id: "client-1" };

  async function answered(answer: Answer, policy = policyOf(...RULES), decisions?: DecisionRecorder) {
    const harness = await start({ answer, resourceServer: { policy }, ...(decisions && { server: { decisions } }) });
    const iss = `http://localhost:${harness.port}`;
    const headers = {
      ...(await harness.caller()),
      "mcp-protocol-version": "2025-11-25",
      "mcp-session-id": plainSealer.sealId({ kind: "session", server: "" }, "raw-1", { iss, ...session }),
    };
    const response = await harness.post(call("read_notes"), headers);
    const text = await response.text();
    const inPlace = harness.upstream.exchanges
      .slice(1)
      .map(({ request }) => JSON.parse(String(Buffer.from(request.body ?? []))));
    return { harness, headers, text, inPlace };
  }

  const ended =
    (...parts: readonly string[]): Answer =>
    (exchange) => {
      const [message] = exchange.request.parsed?.messages ?? [];
      if (message?.type === "response") {
        exchange.handler.onHead(202, {});
        exchange.handler.onEnd();
        return;
      }
      events(...parts)(exchange);
      exchange.handler.onEnd();
    };
  const event = (message: unknown, id?: string) =>
    `${id === undefined ? "" : `id: ${id}\n`}data: ${typeof message === "string" ? message : JSON.stringify(message)}\n\n`;
  const sampling = (id: string | number = "s1") => ({
    jsonrpc: "2.0",
    id,
    method: "sampling/createMessage",
    params: { messages: [] },
  });
  const result = { jsonrpc: "2.0", id: 1, result: { content: [] } };

  test("is dropped from a stream with its id kept, answered once in the session, and all else keeps its bytes", async () => {
    const note = '{"jsonrpc":"2.0",  "method":"notifications/message","params":{"level":"info","data":1}}';
    const { text, inPlace, harness } = await answered(
      ended(event(note), event(sampling(), "e1"), event(sampling()), event(result)),
    );
    expect(text).toContain(`data: ${note}\n\n`);
    expect(text).toMatch(/^id: \S+\n\n/m);
    expect(text).not.toContain("sampling");
    expect(text).toContain('"content":[]');
    expect(inPlace).toEqual([
      {
        jsonrpc: "2.0",
        id: "s1",
        error: {
          code: -32000,
          message: "No model for this server.",
          data: expect.objectContaining({ reason: "denied_by_rule" }),
        },
      },
    ]);
    const [, sent] = harness.upstream.exchanges;
    expect(sent?.request).toMatchObject({ method: "POST", sessionId: "raw-1", headers: { "mcp-session-id": "raw-1" } });
  });

  test("cannot be answered by the client when it was denied", async () => {
    const { harness, headers } = await answered(ended(event(sampling()), event(result)));
    const forged = await harness.post({ jsonrpc: "2.0", id: "s1", result: { model: "x" } }, headers);
    expect(forged.status).toBe(400);
    expect(harness.upstream.exchanges).toHaveLength(2);
  });

  const hidden: readonly (readonly [form: string, message: string])[] = [
    ["with an escape in `method`", '{"jsonrpc":"2.0","id":"s1","\\u006dethod":"sampling/createMessage","params":{}}'],
    ["with `method` in another case", '{"jsonrpc":"2.0","id":"s1","Method":"sampling/createMessage","params":{}}'],
    ["with its id in another case", '{"jsonrpc":"2.0","ID":"s1","method":"notifications/x","params":{}}'],
    ["with two methods", '{"jsonrpc":"2.0","id":"s1","method":"sampling/createMessage","method":"ping"}'],
    ["in a batch", `[${JSON.stringify(sampling())}]`],
    [
      "as input in a result",
      JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        result: { inputRequests: { a: { method: "sampling/createMessage", params: {} } } },
      }),
    ],
    [
      "as input of a task",
      JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        result: { task: { inputRequests: { a: { method: "sampling/createMessage" } } } },
      }),
    ],
    [
      "as input in another case",
      JSON.stringify({ jsonrpc: "2.0", id: 1, result: { InputRequests: { a: { method: "sampling/createMessage" } } } }),
    ],
    [
      "as input in a result in another case",
      JSON.stringify({ jsonrpc: "2.0", id: 1, Result: { inputRequests: { a: { method: "sampling/createMessage" } } } }),
    ],
    [
      "as input with a long s in its name",
      JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        result: { inputReque\u017fts: { a: { method: "sampling/createMessage" } } },
      }),
    ],
    [
      "as input with two methods",
      JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        result: { inputRequests: { a: { method: "ping", Method: "sampling/x" } } },
      }),
    ],
    [
      "as input that comes twice",
      '{"jsonrpc":"2.0","id":1,"result":{"inputRequests":{"a":{"method":"sampling/createMessage"}},"inputRequests":{}}}',
    ],
    [
      "as input of no form",
      JSON.stringify({ jsonrpc: "2.0", id: 1, result: { inputRequests: ["sampling/createMessage"] } }),
    ],
    [
      "in a notification about a task",
      JSON.stringify({
        jsonrpc: "2.0",
        method: "notifications/tasks",
        params: { inputRequests: { a: { method: "sampling/createMessage" } } },
      }),
    ],
    [
      "as addresses in an error (-32042)",
      JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        error: {
          code: -32042,
          message: "sampling",
          data: { elicitations: [{ mode: "url", url: "https://evil.example/sampling" }] },
        },
      }),
    ],
  ];
  test.each(hidden)("is found and denied %s", async (_, message) => {
    const { text } = await answered(ended(event(message)));
    expect(text.toLowerCase()).not.toContain("sampling");
  });

  test.each([
    ["a request that no rule names", { jsonrpc: "2.0", id: "r1", method: "roots/list" }],
    ["a ping", { jsonrpc: "2.0", id: "p1", method: "ping" }],
    [
      "an elicitation whose condition does not hold",
      { jsonrpc: "2.0", id: "q1", method: "elicitation/create", params: { mode: "form" } },
    ],
    [
      "an input request that is allowed",
      {
        jsonrpc: "2.0",
        id: 1,
        result: { inputRequests: { a: { method: "elicitation/create", params: { mode: "form" } } } },
      },
    ],
    [
      "a result that only speaks of sampling",
      { jsonrpc: "2.0", id: 1, result: { content: [{ method: "sampling/createMessage" }] } },
    ],
  ])("goes on, byte for byte: %s", async (_, message) => {
    const { text, inPlace } = await answered(ended(event(message)));
    expect(text).toContain(`data: ${JSON.stringify(message)}\n\n`);
    expect(inPlace).toEqual([]);
  });

  test("is denied in one JSON text as in a stream, and leaves the rest of a batch", async () => {
    const one = await answered(json({ jsonrpc: "2.0", id: 1, result: { inputRequests: { a: sampling() } } }));
    expect(JSON.parse(one.text)).toMatchObject({
      id: 1,
      error: { code: -32000, message: "No model for this server." },
    });
    const batch = await answered(json([result, sampling()]));
    expect(JSON.parse(batch.text)).toEqual([result]);
  });

  test("is denied where the decision cannot be recorded", async () => {
    let full = false;
    const decisions: DecisionRecorder = {
      record: () => {
        if (full) throw new LogUnavailable("full");
        full = true;
      },
    };
    const asks = { jsonrpc: "2.0", id: "q1", method: "elicitation/create", params: { mode: "form" } };
    const { text, inPlace } = await answered(ended(event(asks)), policyOf(...RULES), decisions);
    expect(text).not.toContain("elicitation");
    expect(inPlace).toMatchObject([{ id: "q1", error: { message: expect.stringContaining("log cannot be written") } }]);
  });

  test("is only told of by a rule in record mode", async () => {
    const { recorder, requests } = createRecorder();
    const { text } = await answered(
      ended(event(sampling())),
      policyOf({ deny: "requests/sampling", mode: "record" }),
      recorder,
    );
    expect(text).toContain("sampling/createMessage");
    expect(requests()).toEqual(["sampling/createMessage allow default"]);
  });

  test("keeps its bytes, and is not read, where no rule names requests", async () => {
    const { recorder, requests } = createRecorder();
    const raw = '{ "jsonrpc":"2.0", "id":"s1", "method":"sampling/createMessage" }';
    const { text } = await answered(ended(event(raw)), policyOf({ deny: "tools/x" }), recorder);
    expect(text).toContain(raw);
    expect(requests()).toEqual([]);
  });

  test("is denied in a standing stream by a rule that came after it was opened", async () => {
    const current = (rules: readonly RuleConfig[]) => ({ policy: policyOf(...rules) }) as never;
    const policy = new PolicyHolder(current([]));
    let say: (text: string) => void = () => {};
    const harness = await start({
      resourceServer: { policy },
      answer: (exchange) => {
        if (exchange.request.method !== "GET") return ended()(exchange);
        events(": open\n\n")(exchange);
        say = (text) => void exchange.handler.onData(Buffer.from(text));
      },
    });
    const iss = `http://localhost:${harness.port}`;
    const response = await fetch(harness.url, {
      headers: {
        ...(await harness.caller()),
        "mcp-protocol-version": "2025-11-25",
        "mcp-session-id": plainSealer.sealId({ kind: "session", server: "" }, "raw-1", { iss, ...session }),
      },
    });
    const reader = response.body?.getReader();
    const read = async () => Buffer.from((await reader?.read())?.value ?? []).toString();
    await read();
    say(event(sampling(1)));
    expect(await read()).toContain("sampling/createMessage");
    policy.swap(current(RULES));
    say(event(sampling(2)) + event({ jsonrpc: "2.0", method: "notifications/tools/list_changed" }));
    expect(await read()).toBe(event({ jsonrpc: "2.0", method: "notifications/tools/list_changed" }));
  });
});

test("2026-07-28 has no session in which a server could be answered, and nothing is sent", async () => {
  const ask = { jsonrpc: "2.0", id: "s1", method: "sampling/createMessage", params: {} };
  const harness = await start({
    answer: (exchange) => {
      events(`data: ${JSON.stringify(ask)}\n\n`, 'data: {"jsonrpc":"2.0","id":1,"result":{}}\n\n')(exchange);
      exchange.handler.onEnd();
    },
    resourceServer: { policy: policyOf({ deny: "requests/**" }) },
  });
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": INFO,
  };
  const response = await harness.post(
    { ...call("read_notes"), params: { name: "read_notes", arguments: {}, _meta } },
    {
      ...(await harness.caller()),
      "mcp-protocol-version": MODERN,
      "mcp-method": "tools/call",
      "mcp-name": "read_notes",
    },
  );
  expect(await response.text()).toBe('data: {"jsonrpc":"2.0","id":1,"result":{}}\n\n');
  expect(harness.upstream.exchanges).toHaveLength(1);
});
