import { request as httpRequest, type IncomingMessage } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { events, json, result } from "./testing/fake-upstream.js";
import { call, createHarness, type Harness, type HarnessOptions, plainSealer } from "./testing/harness.js";

const running: Harness[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map(({ gateway }) => gateway.close()));
});

async function start(options: HarnessOptions = {}): Promise<Harness> {
  const harness = await createHarness(options);
  running.push(harness);
  return harness;
}

/** What the gateway gives user-1 of client-1 for an id of the upstream. */
function sealed({ port }: Harness, kind: "session" | "event", id: string, sub = "user-1"): string {
  return plainSealer.sealId({ kind, server: "" }, id, { iss: `http://localhost:${port}`, sub, client_id: "client-1" });
}

const initialize = { jsonrpc: "2.0", id: 0, method: "initialize", params: { protocolVersion: "2025-11-25" } };

function get({ port }: Harness, headers: Record<string, string>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    httpRequest({ port, host: "127.0.0.1", path: "/mcp", headers }, resolve).once("error", reject).end();
  });
}

/** The text so far once `marker` is in it. */
function readTo(response: IncomingMessage, marker: string): Promise<string> {
  let text = "";
  return new Promise((resolve) =>
    response.on("data", (chunk: Buffer) => {
      text += chunk;
      if (text.includes(marker)) resolve(text);
    }),
  );
}

describe("a session id", () => {
  test("leaves sealed for its principal and goes back as the upstream's own (R-33, R-34)", async () => {
    const harness = await start({
      answer: json({ jsonrpc: "2.0", id: 0, result: {} }, { headers: { "mcp-session-id": "raw-1" } }),
    });
    const session = (await harness.post(initialize)).headers.get("mcp-session-id") ?? "";
    expect(session).toBe(sealed(harness, "session", "raw-1"));
    expect(session).toMatch(/^[\x21-\x7e]+$/);
    await harness.post(call("read_notes"), { ...(await harness.caller()), "mcp-session-id": session });
    expect(harness.upstream.exchanges[1]?.request).toMatchObject({
      sessionId: "raw-1",
      headers: { "mcp-session-id": "raw-1" },
    });
  });

  test.each([
    ["of another user", (harness: Harness) => sealed(harness, "session", "raw-1", "user-2")],
    ["that is the upstream's own", () => "raw-1"],
    ["that is a sealed event id", (harness: Harness) => sealed(harness, "event", "raw-1")],
    ["that is rubbish", () => "%"],
  ])("%s is a session that does not exist: 404, and the upstream untouched (R-35)", async (_what, make) => {
    const harness = await start();
    const headers = { ...(await harness.caller()), "mcp-session-id": make(harness) };
    const response = await harness.post(call("read_notes"), headers);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ id: 1, error: { code: -32001 } });
    expect(harness.upstream.exchanges).toEqual([]);
  });

  test("is ignored in 2026-07-28, which has none", async () => {
    const harness = await start({ answer: result({ resultType: "complete" }) });
    const _meta = { "io.modelcontextprotocol/protocolVersion": "2026-07-28" };
    const body = { ...call("read_notes"), params: { name: "read_notes", _meta } };
    const headers = {
      ...(await harness.caller()),
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": "read_notes",
      "mcp-session-id": "whatever",
    };
    expect((await harness.post(body, headers)).status).toBe(200);
    expect(harness.upstream.exchanges[0]?.request.headers).not.toHaveProperty("mcp-session-id");
  });
});

describe("a GET stream", () => {
  const streamed = (...chunks: string[]) => ({ answer: events(...chunks) });
  const withSession = async (harness: Harness, more: Record<string, string> = {}) => ({
    ...(await harness.caller()),
    "mcp-protocol-version": "2025-11-25",
    "mcp-session-id": sealed(harness, "session", "raw-1"),
    ...more,
  });

  test("needs a token, whatever the session id (R-32)", async () => {
    const harness = await start(streamed(": hi\n\n"));
    const headers = { "mcp-session-id": sealed(harness, "session", "raw-1"), accept: "text/event-stream" };
    expect((await get(harness, headers)).statusCode).toBe(401);
    expect(harness.upstream.exchanges).toEqual([]);
  });

  test("needs a session: without one there is no stream here, which is 405", async () => {
    const harness = await start(streamed());
    expect((await get(harness, await harness.caller())).statusCode).toBe(405);
  });

  test("is none of 2026-07-28's: 405", async () => {
    const harness = await start(streamed());
    const headers = await withSession(harness, { "mcp-protocol-version": "2026-07-28" });
    expect((await get(harness, headers)).statusCode).toBe(405);
  });

  test("comes through at once, keep-alives too, with its event ids sealed for the principal", async () => {
    const harness = await start(streamed(": hi\n\n", "id: e-1\ndata: {}\n\n"));
    const response = await get(harness, await withSession(harness));
    expect(response.headers).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-store, no-transform",
    });
    expect(await readTo(response, "data: {}\n\n")).toBe(`: hi\n\nid: ${sealed(harness, "event", "e-1")}\ndata: {}\n\n`);
    response.destroy();
  });

  test("resumes with the upstream's own event id, and another's does not exist (R-34)", async () => {
    const harness = await start(streamed(": hi\n\n"));
    const mine = await withSession(harness, { "last-event-id": sealed(harness, "event", "e-1") });
    (await get(harness, mine)).destroy();
    expect(harness.upstream.exchanges[0]?.request).toMatchObject({
      lastEventId: "e-1",
      headers: { "last-event-id": "e-1" },
    });
    const others = await withSession(harness, { "last-event-id": sealed(harness, "event", "e-1", "user-2") });
    expect((await get(harness, others)).statusCode).toBe(404);
    expect(harness.upstream.exchanges).toHaveLength(1);
  });

  test("that brings back the answer to an earlier list shows only what may be seen", async () => {
    const list = { jsonrpc: "2.0", id: 5, result: { tools: [{ name: "read_notes" }, { name: "secret_tool" }] } };
    const harness = await start(streamed(`id: e-2\ndata: ${JSON.stringify(list)}\n\n`));
    const response = await get(
      harness,
      await withSession(harness, { "last-event-id": sealed(harness, "event", "e-1") }),
    );
    const text = await readTo(response, "\n\n");
    expect(text).toContain("read_notes");
    expect(text).not.toContain("secret_tool");
    response.destroy();
  });

  test("ends upstream when its client goes", async () => {
    const harness = await start(streamed(": hi\n\n"));
    const response = await get(harness, await withSession(harness));
    await readTo(response, ": hi");
    expect([harness.gateway.openExchanges, harness.upstream.open]).toEqual([1, 1]);
    response.destroy();
    await expect.poll(() => [harness.gateway.openExchanges, harness.upstream.open]).toEqual([0, 0]);
  });
});

describe("what a client sends besides requests", () => {
  test("a DELETE ends its own session only", async () => {
    const harness = await start({ answer: json({}, { status: 200 }) });
    const remove = async (session: string | undefined) => {
      const headers = { ...(await harness.caller()), ...(session === undefined ? {} : { "mcp-session-id": session }) };
      return (await fetch(harness.url, { method: "DELETE", headers })).status;
    };
    expect(await remove(undefined)).toBe(400);
    expect(await remove(sealed(harness, "session", "raw-1", "user-2"))).toBe(404);
    expect(await remove(sealed(harness, "session", "raw-1"))).toBe(200);
    expect(harness.upstream.exchanges.map(({ request }) => request.sessionId)).toEqual(["raw-1"]);
  });

  test("a bare response needs its session", async () => {
    const harness = await start();
    expect((await harness.post({ jsonrpc: "2.0", id: 3, result: {} })).status).toBe(400);
    expect(harness.upstream.exchanges).toEqual([]);
  });

  test("a batch (2025-03-26) is refused whole for one element that is not allowed", async () => {
    const harness = await start({ answer: json([]) });
    const refused = await harness.post([call("read_notes", {}, 1), call("write_note", {}, 2)]);
    expect(refused.status).toBe(403);
    expect(harness.upstream.exchanges).toEqual([]);
    expect((await harness.post([call("read_notes", {}, 1), call("read_notes", {}, 2)])).status).toBe(200);
  });
});
