import { afterEach, describe, expect, it } from "vitest";
import { ALICE, BOB, call, exchange, initializeBody, openSession, start } from "../../../../test/fixtures/exchange.js";
import { silentSystem } from "../../../../test/fixtures/silent-system.js";
import { createStdioUpstream, type StdioUpstream, type StdioUpstreamOptions } from "./stdio.js";

const EVERYTHING = [
  process.execPath,
  "node_modules/@modelcontextprotocol/server-everything/dist/index.js",
  "stdio",
] as const;

let upstream: StdioUpstream;

function everything(options: Partial<StdioUpstreamOptions> = {}): StdioUpstream {
  upstream = createStdioUpstream({
    name: "everything",
    command: [...EVERYTHING],
    hostEnvironment: process.env,
    cwd: process.cwd(),
    system: silentSystem(),
    ...options,
  });
  return upstream;
}

afterEach(async () => {
  await upstream.close();
  expect(upstream.stats()).toEqual({ children: 0, sessions: 0, answers: 0 });
});

describe("a legacy session on server-everything", () => {
  it("is opened by initialize with a session id of visible ASCII (R-33) and serves calls", async () => {
    const server = everything();
    const opened = await exchange(server, { body: initializeBody({}, "first") });
    expect(opened.status).toBe(200);
    expect(opened.headers["content-type"]).toBe("application/json");
    expect(opened.session).toMatch(/^[\x21-\x7e]{43}$/);
    expect(opened.json).toMatchObject({ id: "first", result: { serverInfo: { name: "mcp-servers/everything" } } });

    const session = opened.session;
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
    const server = everything();
    const session = await openSession(server);
    const body = call("long", "trigger-long-running-operation", { duration: 0.2, steps: 2 }, { progressToken: "mine" });
    const answer = await exchange(server, { session, body });
    expect(answer.headers["content-type"]).toBe("text/event-stream");
    expect(answer.events.map(({ data }) => data.params?.progressToken ?? data.id)).toEqual(["mine", "mine", "long"]);
  });
});
