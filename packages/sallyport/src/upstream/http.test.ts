import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Server as NetServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createCertificate } from "../../../../test/fixtures/certificate.js";
import { call, exchange, initializeBody, start } from "../../../../test/fixtures/exchange.js";
import { startSdk1Server } from "../../../../test/fixtures/sdk1-server.js";
import { startSdk2Server } from "../../../../test/fixtures/sdk2-server.js";
import { silentSystem } from "../../../../test/fixtures/silent-system.js";
import { createHttpUpstream, type HttpUpstream, type HttpUpstreamOptions } from "./http.js";

/** Sockets, timers and whatever else keeps a descriptor or the event loop. */
const resources = () => process.getActiveResourcesInfo().filter((name) => name !== "Immediate").length;

const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function opened(url: string, options: Partial<HttpUpstreamOptions> = {}): HttpUpstream {
  const upstream = createHttpUpstream({ url, system: silentSystem(), ...options });
  closers.unshift(() => upstream.close());
  return upstream;
}

/** The origin of a listening server that goes with the test. */
async function listen(server: NetServer, scheme = "http"): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function serve(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  return listen(createServer({ keepAlive: true }, handle));
}

/** An upstream whose every connection is answered with these raw bytes. */
function rawServer(bytes: string): Promise<string> {
  return listen(
    createTcpServer(
      (socket) =>
        void socket
          .on("error", () => {})
          .resume()
          .end(bytes),
    ),
  );
}

describe("forwarding", () => {
  it("hands on method, path, query, headers and the very bytes, under the upstream's own Host", async () => {
    let seen: { url?: string | undefined; method?: string | undefined; headers?: object; body?: string } = {};
    const origin = await serve(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      seen = {
        url: request.url,
        method: request.method,
        headers: request.headers,
        body: Buffer.concat(chunks).toString(),
      };
      response.end("{}");
    });
    const upstream = opened(`${origin}/a/mcp?tenant=1`, { headers: { authorization: "Bearer upstream-key" } });
    const body = '{ "jsonrpc":"2.0",\n"id":12345678901234567890 }';
    const headers = { connection: "close, x-drop", "x-drop": "1", te: "trailers", traceparent: "00-a" };
    expect((await exchange(upstream, { body, headers })).status).toBe(200);
    expect(seen).toMatchObject({ url: "/a/mcp?tenant=1", method: "POST", body });
    expect(seen.headers).toMatchObject({
      host: new URL(origin).host,
      authorization: "Bearer upstream-key",
      "accept-encoding": "identity",
      traceparent: "00-a",
    });
    expect(Object.keys(seen.headers ?? {})).not.toEqual(expect.arrayContaining(["x-drop"]));
    expect(Object.keys(seen.headers ?? {})).not.toEqual(expect.arrayContaining(["te"]));
  });

  it("answers with status, headers and body unchanged but for those of the connection", async () => {
    const origin = await serve((_request, response) => {
      response.writeHead(422, {
        "x-one": "1",
        "set-cookie": ["a=1", "b=2"],
        connection: "keep-alive, x-hop",
        "x-hop": "1",
      });
      response.end("as it is");
    });
    const answer = await exchange(opened(origin), { body: {} });
    expect([answer.status, answer.text]).toEqual([422, "as it is"]);
    expect(answer.headers).toMatchObject({ "x-one": "1", "set-cookie": ["a=1", "b=2"] });
    for (const name of ["connection", "keep-alive", "transfer-encoding", "x-hop"])
      expect(answer.headers).not.toHaveProperty(name);
  });

  it("passes events on as they come, without a bound on the silence between them", async () => {
    let send: (text: string) => void = () => {};
    const origin = await serve((_request, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
      send = (text) => void response.write(text);
    });
    const stream = start(opened(origin), { method: "GET" });
    await stream.head();
    for (const id of [1, 2]) {
      send(`data: {"id":${id}}\n\n`);
      expect((await stream.event((message) => message.id === id)).data.id).toBe(id);
    }
    stream.exchange.abort("test");
  });

  it("trusts the certificate that it is given, and no other", async () => {
    const { key, cert } = createCertificate(["127.0.0.1"]);
    const origin = await listen(
      createTlsServer({ key, cert }, (_request, response) => void response.end("{}")),
      "https",
    );
    expect((await exchange(opened(origin, { ca: cert }), { body: {} })).status).toBe(200);
    expect((await exchange(opened(origin), { body: {} })).error?.kind).toBe("unreachable");
  });

  it.each(["ftp://h/mcp", "http://user:pass@h/mcp", "http://h/mcp#x", "nonsense"])(
    "refuses %s as an upstream",
    (url) => {
      expect(() => createHttpUpstream({ url, system: silentSystem() })).toThrow(TypeError);
    },
  );
});

describe("failures are named", () => {
  it("no connection: unreachable", async () => {
    const origin = await serve(() => {});
    await closers.pop()?.();
    const { error } = await exchange(opened(origin), { body: {} });
    expect([error?.kind, error?.message]).toEqual(["unreachable", "the upstream cannot be reached"]);
  });

  it.each([
    ["something that is not HTTP", "SSH-2.0-OpenSSH_9.2\r\n", "protocol"],
    ["nothing at all", "", "unreachable"],
    [
      "a redirect, which is not followed (R-146)",
      "HTTP/1.1 307 X\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
      "protocol",
    ],
    ["headers beyond all bounds", `HTTP/1.1 200 OK\r\nx: ${"x".repeat(200_000)}\r\n\r\n`, "protocol"],
    ["less than it promised", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc", "unreachable"],
  ])("%s", async (_what, bytes, kind) => {
    const { error } = await exchange(opened(await rawServer(bytes)), { body: {} });
    expect(error?.kind).toBe(kind);
  });

  it("an upstream that is closed: unreachable, and not before send has returned", async () => {
    const upstream = opened("http://127.0.0.1:9");
    await upstream.close();
    const late = start(upstream, { body: {} });
    expect(late.error).toBeUndefined();
    expect((await late.done).error?.kind).toBe("unreachable");
    expect(upstream.stats().exchanges).toBe(0);
  });

  it("no answer in time: timeout", async () => {
    const origin = await serve(() => {});
    const { error } = await exchange(opened(origin, { limits: { headersTimeoutMs: 50 } }), { body: {} });
    expect(error?.kind).toBe("timeout");
  });

  it("all connections in use: overloaded with Retry-After, and free again after the first that ends", async () => {
    const origin = await serve((_request, response) => response.writeHead(200).flushHeaders());
    const upstream = opened(origin, { limits: { connections: 2 } });
    const [first, second] = [start(upstream, { body: {} }), start(upstream, { body: {} })];
    await Promise.all([first.head(), second.head()]);
    const { error } = await exchange(upstream, { body: {} });
    expect([error?.kind, error?.options.retryAfter]).toEqual(["overloaded", 1]);
    first.exchange.abort("test");
    const third = await start(upstream, { body: {} }).head();
    expect(third.status).toBe(200);
    for (const one of [second, third]) one.exchange.abort("test");
  });
});

describe("back-pressure and disconnects", () => {
  it("stops reading from the upstream while the client does not read", async () => {
    let written = 0;
    const total = 64 * 1024 * 1024;
    const origin = await serve((_request, response) => {
      const chunk = Buffer.alloc(64 * 1024);
      const more = () => {
        while (written < total && response.write(chunk)) written += chunk.length;
      };
      response.on("drain", more);
      more();
    });
    const answer = start(opened(origin), { body: {} });
    answer.flowing = false;
    await answer.head();
    const last: number[] = [];
    // The upstream comes to a standstill once the buffers between are full, far from the end.
    await expect.poll(() => last.push(written) > 1 && last.at(-1) === last.at(-2), { interval: 100 }).toBe(true);
    expect(written).toBeLessThan(total / 2);
    answer.exchange.abort("test");
  });

  it("hears nothing more after an abort, and aborting twice is once", async () => {
    const origin = await serve((_request, response) => {
      response.writeHead(200).write("part");
    });
    const upstream = opened(origin);
    const answer = await start(upstream, { body: {} }).head();
    answer.exchange.abort("one");
    answer.exchange.abort("two");
    answer.exchange.resume();
    await expect.poll(() => upstream.stats()).toMatchObject({ exchanges: 0, running: 0 });
    expect(answer.error).toBeUndefined();
  });

  it("frees the slot, socket and timers of each of 5,000 clients that disconnect: before, at and after the head of the answer", async () => {
    let open = 0;
    const origin = await serve((request, response) => {
      open++;
      response.on("close", () => open--);
      request.resume();
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: {}\n\n");
    });
    const before = resources();
    const upstream = opened(origin, { limits: { connections: 64 } });
    const leave = [
      async () => start(upstream, { body: {} }).exchange.abort("at once"),
      async () => {
        const leaving = start(upstream, { body: {} });
        await new Promise(setImmediate);
        leaving.exchange.abort("while connecting");
      },
      async () => (await start(upstream, { body: {} }).head()).exchange.abort("at the head"),
      async () => {
        const leaving = start(upstream, { body: {} });
        leaving.flowing = false;
        await leaving.event(() => true);
        leaving.exchange.abort("in the middle, paused");
      },
    ] as const;
    let left = 0;
    const client = async () => {
      while (left < 5_000) await leave[left++ % leave.length]?.();
    };
    await Promise.all(Array.from({ length: 32 }, client));
    expect(left).toBeGreaterThanOrEqual(5_000);
    await expect.poll(() => upstream.stats()).toMatchObject({ exchanges: 0, running: 0 });
    await expect.poll(() => open).toBe(0);
    // The pool still serves.
    const after = await start(upstream, { body: {} }).head();
    expect(after.status).toBe(200);
    after.exchange.abort("test");
    // undici makes a spare connection for one that it loses; unused it goes after the keep-alive time of 4 s.
    await expect.poll(() => upstream.stats().connected, { timeout: 10_000 }).toBe(0);
    await expect.poll(resources).toBeLessThanOrEqual(before);
  }, 60_000);
});

describe("describing an HTTP server", () => {
  it.each([
    ["both", "both"],
    ["modern", "modern"],
    ["legacy", "legacy"],
  ] as const)("of SDK 2.4 finds its era: %s, and leaves no session", async (era, found) => {
    const server = await startSdk2Server({ era });
    closers.push(() => server.close());
    const described = await opened(server.url).describe();
    expect([described.era, described.serverInfo?.name]).toEqual([found, "sdk2-server"]);
    expect(described.tools.map(({ name }) => name)).toEqual(["read_note", "write_note", "count", "ask_name"]);
    expect(server.sessions()).toBe(0);
  });

  it("of SDK 1.32 falls back to initialize (R-163), and closes the session that it opened", async () => {
    const server = await startSdk1Server();
    closers.push(() => server.close());
    const described = await opened(server.url).describe();
    expect([described.era, described.serverInfo?.name]).toEqual(["legacy", "sdk1-server"]);
    expect(described.tools.map(({ name }) => name)).toContain("get_time");
    expect(server.sessions()).toBe(0);
  });

  it("that wants credentials says so", async () => {
    const origin = await serve((_request, response) => void response.writeHead(401).end());
    await expect(opened(origin).describe()).rejects.toMatchObject({
      kind: "protocol",
      message: /wants credentials \(401\)/,
    });
  });

  it.each([
    ["is no MCP server", "<html>"],
    [
      "lists no tools but something else",
      '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","tools":{}}}',
    ],
    ["pages for ever", '{"jsonrpc":"2.0","id":1,"result":{"tools":[],"nextCursor":"RANDOM"}}'],
  ])("that %s fails as protocol", async (_what, text) => {
    let page = 0;
    const origin = await serve((_request, response) => void response.end(text.replace("RANDOM", String(page++))));
    await expect(opened(origin).describe()).rejects.toMatchObject({ name: "UpstreamError", kind: "protocol" });
  });

  it("that is not there is unreachable", async () => {
    const origin = await serve(() => {});
    await closers.pop()?.();
    await expect(opened(origin).describe()).rejects.toMatchObject({ kind: "unreachable" });
  });
});

describe("real HTTP servers", () => {
  it("keep their sessions and resumable streams: SDK 1.32", async () => {
    const server = await startSdk1Server();
    closers.push(() => server.close());
    const upstream = opened(server.url);
    const { session } = await exchange(upstream, { body: initializeBody() });
    await exchange(upstream, { session, body: { jsonrpc: "2.0", method: "notifications/initialized" } });
    const dropped = await exchange(upstream, { session, body: call(1, "drop_stream") });
    const lastEventId = /^id: (.+)$/m.exec(dropped.text)?.[1] ?? "";
    const resumed = start(upstream, { method: "GET", session, lastEventId });
    const { data } = await resumed.event(({ id }) => id === 1);
    expect(data.result).toEqual({ content: [{ type: "text", text: "answered after the client came back" }] });
    resumed.exchange.abort("test");
  });
});
