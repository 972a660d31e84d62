import { createServer, request as httpRequest, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import type { GatewayOptions } from "./contract.js";
import { createGateway } from "./listener.js";
import { type Answer, type FakeExchange, flood, result } from "./testing/fake-upstream.js";
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

interface Raw {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string;
}

/** One request with exactly these headers. */
function raw(
  { port }: Harness,
  { method = "GET", path = "/mcp", headers = {}, body }: Raw = {},
): Promise<IncomingMessage & { text: string }> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ port, host: "127.0.0.1", method, path, headers }, (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve(Object.assign(response, { text })));
    });
    sent.once("error", reject);
    sent.end(body);
  });
}

describe("routes", () => {
  test.each(["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"])(
    "%s gives the metadata on GET, HEAD and preflight, to every origin (R-03, R-07)",
    async (path) => {
      const harness = await start();
      const found = await raw(harness, { path, headers: { origin: "https://anyone.example" } });
      expect(JSON.parse(found.text)).toMatchObject({ resource: `http://localhost:${harness.port}/mcp` });
      expect(found.headers["access-control-allow-origin"]).toBe("*");
      const head = await raw(harness, { path, method: "HEAD" });
      expect([head.statusCode, head.text, head.headers["content-length"]]).toEqual([
        200,
        "",
        String(found.text.length),
      ]);
      expect((await raw(harness, { path, method: "OPTIONS" })).statusCode).toBe(204);
      expect((await raw(harness, { path, method: "POST" })).statusCode).toBe(405);
    },
  );

  test("compare exactly: every other path is the web application's, with the public URL as its address", async () => {
    const harness = await start();
    for (const path of ["/", "/mcp/", "/MCP", "/%6dcp", "/mcp//", "/.well-known/oauth-protected-resource/"]) {
      expect((await raw(harness, { path })).text).toBe(`web http://localhost:${harness.port}${path}`);
    }
  });

  test("methods that MCP does not have are 405", async () => {
    const harness = await start();
    const response = await raw(harness, { method: "PUT" });
    expect([response.statusCode, response.headers.allow]).toEqual([405, "POST, GET, DELETE, OPTIONS"]);
  });

  test("a second server at the same path is refused when the gateway is made", async () => {
    const { upstream, system, port } = await start();
    const resourceServer = {
      resource: "http://localhost/mcp",
      metadataUrl: "http://localhost/x",
      metadata: () => ({}),
      origins: {},
    };
    const server = { resourceServer, upstream, identifiers: plainSealer } as never;
    expect(() =>
      createGateway({
        publicUrl: "http://localhost",
        servers: [server, server],
        web: () => new Response(),
        listen: { port, hosts: [] },
        system,
      }),
    ).toThrow(/two servers/);
  });
});

describe("host and origin (R-27, R-28)", () => {
  const HOSTS: readonly [host: string, path: string, status: number][] = [
    ["evil.example", "/mcp", 403],
    ["evil.example", "/account", 403],
    ["localhost.evil.example", "/mcp", 403],
    ["localhost:1", "/mcp", 403],
  ];
  test.each(HOSTS)("Host %s on %s is %i", async (host, path, status) => {
    const harness = await start();
    expect((await raw(harness, { path, headers: { host } })).statusCode).toBe(status);
  });

  test.each(["localhost", "127.0.0.1", "[::1]"])("a gateway on loopback answers to %s", async (name) => {
    const harness = await start();
    expect((await raw(harness, { headers: { host: `${name}:${harness.port}` } })).statusCode).toBe(401);
    expect((await raw(harness, { path: "/account", headers: { host: `${name}:${harness.port}` } })).statusCode).toBe(
      200,
    );
  });

  test("a foreign origin is 403 without an id, before its token is looked at", async () => {
    const harness = await start();
    const response = await raw(harness, { method: "POST", headers: { origin: "https://evil.example" } });
    expect(response.statusCode).toBe(403);
    expect(JSON.parse(response.text)).toMatchObject({ id: null, error: {} });
    expect(response.headers["www-authenticate"]).toBeUndefined();
  });

  test("a page on loopback may read the challenge and the session, without credentials", async () => {
    const harness = await start();
    const origin = "http://localhost:5173";
    const response = await raw(harness, { method: "POST", headers: { origin } });
    expect(response.headers).toMatchObject({ "access-control-allow-origin": origin, vary: "Origin" });
    expect(response.headers["access-control-expose-headers"]).toMatch(/WWW-Authenticate.*Mcp-Session-Id/);
    expect(response.headers["access-control-allow-credentials"]).toBeUndefined();
    const asked = { origin, "access-control-request-headers": "Authorization, Mcp-Param-Region, X-Evil" };
    const preflight = await raw(harness, { method: "OPTIONS", headers: asked });
    expect(preflight.statusCode).toBe(204);
    expect(preflight.headers["access-control-allow-headers"]).toMatch(/authorization.*mcp-param-region/);
    expect(preflight.headers["access-control-allow-headers"]).not.toContain("x-evil");
    const again = { origin, "access-control-request-headers": "mcp-protocol-version, Mcp-Session-Id, mcp-session-id" };
    const { headers } = await raw(harness, { method: "OPTIONS", headers: again });
    const names = String(headers["access-control-allow-headers"]).split(", ");
    expect(names).toEqual([...new Set(names)]);
  });

  test("an absolute-form target names a host of its own: 400", async () => {
    const harness = await start();
    expect((await raw(harness, { path: "http://evil.example/mcp" })).statusCode).toBe(400);
  });
});

describe("what a client may send", () => {
  const rejected: readonly [what: string, headers: Record<string, string>, body: string, status: number][] = [
    ["no content type", {}, "{}", 415],
    ["a form", { "content-type": "application/x-www-form-urlencoded" }, "a=b", 415],
    ["another charset", { "content-type": "application/json; charset=utf-16" }, "{}", 415],
    ["a compressed body", { "content-type": "application/json", "content-encoding": "gzip" }, "{}", 415],
    ["no JSON", { "content-type": "application/json" }, "{", 400],
    ["a body that says it is too large", { "content-type": "application/json", "content-length": "5000000" }, "", 413],
  ];
  test.each(rejected)("%s is %#", async (_what, headers, body, status) => {
    const harness = await start();
    const { authorization = "" } = await harness.caller();
    const socket = connect(harness.port, "127.0.0.1");
    const lines = Object.entries({ host: `localhost:${harness.port}`, authorization, ...headers });
    const length = "content-length" in headers ? "" : `content-length: ${body.length}\r\n`;
    socket.write(
      `POST /mcp HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}${length}\r\n${body}`,
    );
    const answer = await new Promise<string>((resolve) => socket.once("data", (chunk) => resolve(chunk.toString())));
    socket.destroy();
    expect(answer).toContain(`HTTP/1.1 ${status} `);
    expect(harness.upstream.exchanges).toEqual([]);
  });

  test("a chunked body beyond the limit is 413 while it is still coming", async () => {
    const harness = await start({ gateway: { limits: { bodyBytes: 1_000 } } });
    const headers = { ...(await harness.caller()), "transfer-encoding": "chunked" };
    expect((await raw(harness, { method: "POST", headers, body: `"${"x".repeat(2_000)}"` })).statusCode).toBe(413);
  });

  test("two Authorization headers are refused, though node:http would show one", async () => {
    const harness = await start();
    const { authorization = "" } = await harness.caller();
    const socket = connect(harness.port, "127.0.0.1");
    const twice = `authorization: ${authorization}\r\n`.repeat(2);
    socket.write(
      `POST /mcp HTTP/1.1\r\nhost: localhost:${harness.port}\r\n${twice}content-type: application/json\r\ncontent-length: 2\r\n\r\n{}`,
    );
    const answer = await new Promise<string>((resolve) => socket.once("data", (chunk) => resolve(chunk.toString())));
    socket.destroy();
    expect(answer).toContain("HTTP/1.1 400 ");
  });

  test("forms of the web application need a length, and not too much of it", async () => {
    const harness = await start({ gateway: { limits: { webBodyBytes: 10 } } });
    const post = (headers: Record<string, string>, body: string) =>
      raw(harness, { method: "POST", path: "/token", headers, body }).then(({ statusCode }) => statusCode);
    expect(await post({ "transfer-encoding": "chunked" }, "a=b")).toBe(411);
    expect(await post({ "content-length": "11" }, "a=123456789")).toBe(413);
    expect(await post({ "content-length": "3" }, "a=b")).toBe(200);
  });
});

test("the web application gets the request whole: method, headers, body and the peer's address", async () => {
  const seen: unknown[] = [];
  const web: GatewayOptions["web"] = async (request, peer) => {
    seen.push(request.method, request.headers.get("content-type"), await request.text(), peer.remoteAddress);
    return new Response(null, { status: 303, headers: { location: "/next" } });
  };
  const harness = await start({ gateway: { web } });
  const headers = { "content-type": "application/x-www-form-urlencoded", "content-length": "3" };
  const response = await raw(harness, { method: "POST", path: "/consent?x=1", headers, body: "a=b" });
  expect([response.statusCode, response.headers.location]).toEqual([303, "/next"]);
  expect(seen).toEqual(["POST", "application/x-www-form-urlencoded", "a=b", "127.0.0.1"]);
});

test("a web application that throws is a 500 that says nothing, and the log says all", async () => {
  const web = () => {
    throw new Error("secret detail");
  };
  const harness = await start({ gateway: { web } });
  const response = await raw(harness, { path: "/account" });
  expect([response.statusCode, response.text.includes("secret")]).toEqual([500, false]);
  expect(JSON.stringify(harness.system.lines)).toContain("secret detail");
});

describe("a pipelined request (RFC 9112 §9.3.2)", () => {
  test("is told to come again: it has no socket yet, and would not hear of its client's end", async () => {
    const harness = await start({ answer: () => {} });
    const { authorization = "" } = await harness.caller();
    const body = JSON.stringify(call("read_notes"));
    const one = `POST /mcp HTTP/1.1\r\nhost: localhost:${harness.port}\r\nauthorization: ${authorization}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    const socket = connect(harness.port, "127.0.0.1", () => socket.write(one + one));
    await expect.poll(() => harness.upstream.open).toBe(1);
    const text = new Promise<string>((resolve) => {
      let read = "";
      socket.on("data", (chunk) => {
        read += chunk;
      });
      socket.on("close", () => resolve(read));
    });
    result({})(harness.upstream.exchanges[0] as FakeExchange);
    expect((await text).match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 200", "HTTP/1.1 503"]);
    expect([harness.upstream.exchanges.length, harness.gateway.openExchanges]).toEqual([1, 0]);
  });
});

describe("a listening gateway", () => {
  test("binds both loopback addresses at one port", async () => {
    const harness = await start();
    const options = {
      publicUrl: "http://localhost",
      servers: [],
      web: () => new Response("hi"),
      system: harness.system,
    };
    const gateway = createGateway({ ...options, listen: { port: 0, hosts: ["127.0.0.1", "::1"] } });
    const { port, urls } = await gateway.listen();
    expect(urls[0]).toBe(`http://127.0.0.1:${port}`);
    for (const url of urls) expect((await fetch(url, { headers: { host: "localhost" } })).status).toBe(403);
    await gateway.close();
  });

  test("does not start where one of its ports is taken, and then holds none", async () => {
    const other = createServer();
    const port = await new Promise<number>((resolve) =>
      other.listen(0, "::1", () => resolve((other.address() as { port: number }).port)),
    ).catch(() => undefined);
    if (port === undefined) return expect.unreachable("this machine has no ::1");
    const { system } = await start();
    const gateway = createGateway({
      publicUrl: `http://localhost:${port}`,
      servers: [],
      web: () => new Response(),
      listen: { port, hosts: ["127.0.0.1", "::1"] },
      system,
    });
    await expect(gateway.listen()).rejects.toMatchObject({ code: "EADDRINUSE" });
    await new Promise((resolve) => other.close(resolve));
    await gateway.listen();
    await gateway.close();
  });

  test("lets answers under way finish when it closes, and ends streams at once", async () => {
    let finish = () => {};
    const answer: Answer = (exchange) => {
      finish = () => result({ done: true })(exchange);
    };
    const harness = await start({ answer });
    const response = harness.post(call("read_notes"));
    await expect.poll(() => harness.upstream.open).toBe(1);
    const closed = harness.gateway.close();
    finish();
    expect(await (await response).json()).toMatchObject({ result: { done: true } });
    await closed;
    await expect(fetch(harness.url)).rejects.toThrow();
  });

  test("cuts what does not finish in time", async () => {
    const harness = await start({ answer: () => {}, gateway: { limits: { drainMs: 50 } } });
    const response = harness.post(call("read_notes")).then(
      ({ status }) => status,
      () => "cut",
    );
    await expect.poll(() => harness.upstream.open).toBe(1);
    await harness.gateway.close();
    expect([503, "cut"]).toContain(await response);
    expect([harness.upstream.open, harness.gateway.openExchanges]).toEqual([0, 0]);
  });
});

describe("a client that reads slowly", () => {
  test("gets everything: the upstream pauses, and goes on when there is room", async () => {
    const size = 8 * 1024 * 1024;
    const { post, upstream } = await start({ answer: flood(size) });
    const response = await post(call("read_notes"));
    expect(upstream.open).toBe(1);
    expect((await response.text()).length).toBe(size);
    expect(upstream.open).toBe(0);
  });

  test("and then not at all loses its slot", async () => {
    const harness = await start({
      answer: flood(Number.POSITIVE_INFINITY),
      gateway: { limits: { stalledClientMs: 50 } },
    });
    const response = await harness.post(call("read_notes"));
    await expect
      .poll(() => [harness.upstream.open, harness.gateway.openExchanges], { timeout: 10_000 })
      .toEqual([0, 0]);
    await response.body?.cancel().catch(() => {});
  });
});
