import { afterEach, describe, expect, test } from "vitest";
import { result } from "./testing/fake-upstream.js";
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

describe("a call with a token for it", () => {
  test("reaches the upstream as the very bytes that were judged, and its answer comes back", async () => {
    const { post, upstream } = await start({ answer: result({ content: [{ type: "text", text: "hi" }] }) });
    const body = '{"jsonrpc":"2.0", "id":7,"method":"tools/call","params":{"name":"read_notes","arguments":{"n":1.0}}}';
    const response = await post(body);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      jsonrpc: "2.0",
      id: 7,
      result: { content: [{ type: "text", text: "hi" }] },
    });
    expect(Buffer.from(upstream.exchanges[0]?.request.body ?? []).toString()).toBe(body);
  });

  test.each([20, 40_000])("brings back %i characters beyond ASCII as the bytes they were", async (times) => {
    const text = "Grüße, 雪 🚪".repeat(times / 10);
    const { post } = await start({ answer: result({ content: [{ type: "text", text }] }) });
    const response = await post(call("read_notes"));
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(response.headers.get("content-length")).toBe(String(bytes.length));
    expect(JSON.parse(bytes.toString()).result).toEqual({ content: [{ type: "text", text }] });
  });

  test("takes neither the token nor cookies nor identity headers to the upstream (R-146)", async () => {
    const { post, caller, upstream } = await start();
    const headers = {
      ...(await caller()),
      cookie: "a=b",
      "x-forwarded-user": "root",
      "mcp-param-a": "1",
      traceparent: "00-1",
    };
    expect((await post(call("read_notes"), headers)).status).toBe(200);
    expect(upstream.exchanges[0]?.request.headers).toEqual({
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
      "mcp-param-a": "1",
      traceparent: "00-1",
    });
  });
});

describe("a call without what it needs never reaches the upstream", () => {
  test("no token is 401 with where to get one and the baseline scope, and no error (R-05, R-08, R-13)", async () => {
    const { post, upstream, port } = await start();
    const response = await post(call("read_notes"), { "content-type": "application/json" });
    expect(response.status).toBe(401);
    expect(response.headers.get("www-authenticate")).toBe(
      `Bearer resource_metadata="http://localhost:${port}/.well-known/oauth-protected-resource/mcp", scope="mcp:read"`,
    );
    expect(upstream.exchanges).toEqual([]);
  });

  test("a short scope is 403 insufficient_scope with the scope that would do (R-15)", async () => {
    const { post, upstream } = await start();
    const response = await post(call("write_note"));
    expect(response.status).toBe(403);
    expect(response.headers.get("www-authenticate")).toMatch(/error="insufficient_scope".*scope="[^"]*mcp:write"/);
    expect(upstream.exchanges).toEqual([]);
  });

  test("an unknown tool is as if missing", async () => {
    const { post, upstream } = await start();
    const response = await post(call("drop_everything"));
    expect(await response.json()).toMatchObject({ id: 1, error: { code: -32602 } });
    expect(upstream.exchanges).toEqual([]);
  });
});
