import { Client as Client2, StreamableHTTPClientTransport as Transport2 } from "@modelcontextprotocol/client";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as Transport1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import { ListRootsRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { afterEach, describe, expect, test } from "vitest";
import { startSdk1Server } from "../../../../test/fixtures/sdk1-server.js";
import { startSdk2Server } from "../../../../test/fixtures/sdk2-server.js";
import { silentSystem } from "../../../../test/fixtures/silent-system.js";
import { createDefaultPolicy } from "../policy/default-policy.js";
import { createHttpUpstream } from "../upstream/http.js";
import { type Answer, events } from "./testing/fake-upstream.js";
import { call, createHarness, type Harness, type HarnessOptions, plainSealer } from "./testing/harness.js";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function start(options: HarnessOptions): Promise<Harness> {
  const harness = await createHarness(options);
  closers.push(() => harness.gateway.close());
  return harness;
}

const answer = (id: string | number) => ({
  jsonrpc: "2.0",
  id,
  result: { action: "accept", content: { name: "Ada" } },
});
const REFUSED = { status: 400, body: { error: { code: -32600, message: "no such request is outstanding" } } };

/** Asks for a name in the stream of a call, and ends that stream once the client's answer has come. */
function askingUpstream(): Answer {
  let ended = () => {};
  return (exchange) => {
    const { handler, request } = exchange;
    const [message] = request.parsed?.messages ?? [];
    if (message?.type === "response") {
      handler.onHead(202, {});
      handler.onEnd();
      ended();
      return;
    }
    events(`data: ${JSON.stringify({ jsonrpc: "2.0", id: "ask-1", method: "elicitation/create", params: {} })}\n\n`)(
      exchange,
    );
    ended = () => {
      handler.onData(Buffer.from('data: {"jsonrpc":"2.0","id":1,"result":{"content":[]}}\n\n'));
      handler.onEnd();
    };
  };
}

describe("a client's answer to a server behind HTTP", () => {
  /** As user-1, asked `ask-1` in the session raw-1, whose call is open. */
  async function asked() {
    const harness = await start({ answer: askingUpstream() });
    const headersOf = async (sub: string, session: string) => ({
      ...(await harness.caller({ sub })),
      "mcp-protocol-version": "2025-11-25",
      "mcp-session-id": plainSealer.sealId({ kind: "session", server: "" }, session, {
        iss: `http://localhost:${harness.port}`,
        sub,
        client_id: "client-1",
      }),
    });
    const mine = await headersOf("user-1", "raw-1");
    const response = await harness.post(call("read_notes"), mine);
    const reader = response.body?.getReader();
    const first = Buffer.from((await reader?.read())?.value ?? []).toString();
    const send = async (body: unknown, headers: Record<string, string> = mine) => {
      const got = await harness.post(body, headers);
      const text = await got.text();
      return { status: got.status, body: text === "" ? undefined : JSON.parse(text) };
    };
    const rest = async () => Buffer.from((await reader?.read())?.value ?? []).toString();
    return { harness, headersOf, first, send, rest };
  }

  test("goes on once, and the call it was for is answered", async () => {
    const { harness, first, send, rest } = await asked();
    expect(first).toContain("elicitation/create");
    expect(await send(answer("ask-1"))).toEqual({ status: 202, body: undefined });
    expect(await rest()).toContain('"result"');
    expect(await send(answer("ask-1"))).toMatchObject(REFUSED);
    expect(harness.upstream.exchanges).toHaveLength(2);
  });

  test("does not go on when it is forged, another's or another session's, and the true one still does", async () => {
    const { harness, headersOf, send } = await asked();
    expect(await send(answer("ask-2"))).toMatchObject(REFUSED);
    expect(await send(answer("ask-1"), await headersOf("user-2", "raw-1"))).toMatchObject(REFUSED);
    expect(await send(answer("ask-1"), await headersOf("user-1", "raw-2"))).toMatchObject(REFUSED);
    expect(harness.upstream.exchanges).toHaveLength(1);
    expect((await send(answer("ask-1"))).status).toBe(202);
  });
});

const INFO = { name: "asked", version: "1.0.0" };

/** What a client's transport needs to reach this server through a gateway. */
async function behindGateway(startServer: () => Promise<{ readonly url: string; close(): Promise<unknown> }>) {
  const server = await startServer();
  const upstream = createHttpUpstream({ url: server.url, system: silentSystem() });
  const policy = createDefaultPolicy({ scopeOf: () => "mcp:read" });
  const harness = await start({ server: { upstream }, resourceServer: { policy } });
  closers.push(
    () => upstream.close(),
    () => server.close(),
  );
  const { authorization = "" } = await harness.caller();
  return { url: new URL(harness.url), requestInit: { headers: { authorization } } };
}

describe("a server of SDK 1.32 asks for the roots of", () => {
  const ROOTS = { roots: [{ uri: "file:///home/ada" }] };
  const OPTIONS = { capabilities: { roots: {} } };
  const SAID = { content: [{ type: "text", text: "file:///home/ada" }] };

  test("a client of SDK 1.32, twice", async () => {
    const { url, requestInit } = await behindGateway(startSdk1Server);
    const client = new Client1(INFO, OPTIONS);
    closers.unshift(() => client.close());
    client.setRequestHandler(ListRootsRequestSchema, () => ROOTS);
    await client.connect(new Transport1(url, { requestInit }) as Transport);
    for (const _ of [1, 2]) expect(await client.callTool({ name: "ask_roots", arguments: {} })).toMatchObject(SAID);
  });

  test("a client of SDK 2.4, twice", async () => {
    const { url, requestInit } = await behindGateway(startSdk1Server);
    const client = new Client2(INFO, OPTIONS);
    closers.unshift(() => client.close());
    client.setRequestHandler("roots/list", () => ROOTS);
    await client.connect(new Transport2(url, { requestInit }));
    for (const _ of [1, 2]) expect(await client.callTool({ name: "ask_roots", arguments: {} })).toMatchObject(SAID);
  });
});

test("a server of SDK 2.4 asks for a name in 2026-07-28, in its result, and nothing has to be remembered", async () => {
  const { url, requestInit } = await behindGateway(startSdk2Server);
  const client = new Client2(INFO, {
    versionNegotiation: { mode: "auto" },
    capabilities: { elicitation: { form: {} } },
  });
  closers.unshift(() => client.close());
  client.setRequestHandler("elicitation/create", () => ({ action: "accept", content: { name: "Ada" } }));
  await client.connect(new Transport2(url, { requestInit }));
  const content = [{ type: "text", text: "Hello, Ada" }];
  expect(await client.callTool({ name: "ask_name", arguments: {} })).toMatchObject({ content });
});
