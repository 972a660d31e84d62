import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { serve } from "@hono/node-server";
import express from "express";
import { fastify } from "fastify";
import { Hono } from "hono";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { noLocalRecords } from "../resource-server/no-local-records.js";
import { createResourceServer } from "../resource-server/resource-server.js";
import { scopePolicy } from "../resource-server/scope-policy.js";
import { createTestIssuer, type TestIssuer } from "../testing/issuer.js";
import { createTestSystem } from "../testing/system.js";
import type { EndpointOptions } from "./endpoint.js";
import { protect as protectExpress } from "./express.js";
import { protect as protectFastify } from "./fastify.js";
import { protect as protectHono } from "./hono.js";
import { protect as protectNode } from "./node.js";

/* What the frameworks' own sockets do with an endpoint. The protocol itself is tested in resource-server, real clients in examples. */
const FRAMEWORKS: Readonly<Record<string, (options: EndpointOptions, port: number) => Promise<Server>>> = {
  node: async (options, port) =>
    createServer(protectNode(options, (_req, res) => res.end("app"))).listen(port, "127.0.0.1"),
  express: async (options, port) => {
    const app = express();
    protectExpress(app, options);
    app.use(express.json());
    app.use((_req, res) => void res.send("app"));
    return app.listen(port, "127.0.0.1");
  },
  fastify: async (options, port) => {
    const app = fastify();
    protectFastify(app, options);
    app.all("/*", () => "app");
    await app.listen({ port, host: "127.0.0.1" });
    return app.server;
  },
  hono: async (options, port) => {
    const app = new Hono();
    protectHono(app, options);
    app.all("*", (context) => context.text("app"));
    app.onError((_error, context) => context.json({ error: "server_error" }, 500));
    return serve({ fetch: app.fetch, port, hostname: "127.0.0.1" }) as Server;
  },
};

const system = createTestSystem();
const policy = scopePolicy({ scopes: { "mcp:read": { allow: ["tools/**"] } } });
const BODY = ' {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"n":1.0}}}';

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

describe.each(Object.keys(FRAMEWORKS))("an endpoint in %s", (name) => {
  let server: Server;
  let issuer: TestIssuer;
  let port: number;
  let resource: string;
  let handler: EndpointOptions["handler"];
  let token: string;

  beforeAll(async () => {
    port = await freePort();
    resource = `http://127.0.0.1:${port}/mcp`;
    issuer = await createTestIssuer({ issuer: "https://as.example", resource, system });
    token = await issuer.token();
    const resourceServer = createResourceServer({
      resource,
      issuers: [issuer],
      policy,
      baseline: ["mcp:read"],
      isLive: noLocalRecords(policy.scopes),
      system,
    });
    const start = FRAMEWORKS[name];
    if (start === undefined) throw new TypeError(name);
    server = await start({ resourceServer, handler: (forwarded, who) => handler(forwarded, who), system }, port);
    if (!server.listening) await once(server, "listening");
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    handler = () => Response.json({ ok: true });
  });

  const headers = (extra: Record<string, string> = {}) => ({
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    "mcp-protocol-version": "2025-11-25",
    ...extra,
  });

  /** Sends raw bytes and answers with everything that comes back until the connection ends. */
  async function raw(text: string): Promise<string> {
    const socket = connect(port, "127.0.0.1");
    socket.end(text);
    let received = "";
    for await (const chunk of socket) received += String(chunk);
    return received;
  }

  test("hands the very bytes on, and the answer back", async () => {
    let seen = "";
    handler = async (forwarded, who) => {
      seen = await forwarded.text();
      return new Response("done", {
        status: 200,
        headers: { "content-type": "text/plain", "x-sub": who.principal.sub },
      });
    };
    const response = await fetch(resource, { method: "POST", headers: headers(), body: BODY });
    expect([response.status, response.headers.get("x-sub"), await response.text(), seen]).toEqual([
      200,
      "user-1",
      "done",
      BODY,
    ]);
  });

  test("leaves every other path to the app, also those that look alike", async () => {
    for (const path of ["/", "/mcp/", "/MCP", "/mcp2", "/.well-known/oauth-protected-resource"]) {
      expect(await (await fetch(new URL(path, resource))).text()).toBe("app");
    }
  });

  test("serves the metadata, also to HEAD", async () => {
    const url = new URL("/.well-known/oauth-protected-resource/mcp", resource);
    expect(await (await fetch(url)).json()).toMatchObject({ resource });
    const head = await fetch(url, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });

  test("refuses two Authorization headers", async () => {
    const answer = await raw(
      `POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n` +
        `Authorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain("invalid_request");
  });

  test("refuses a foreign Host (R-27), and is not moved by an absolute request target", async () => {
    const get = (target: string, host: string) =>
      raw(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    expect(await get("/mcp", "evil.example")).toMatch(/^HTTP\/1\.1 403 /);
    handler = (forwarded) =>
      new Response(new URL(forwarded.url).pathname, { headers: { "content-type": "text/event-stream" } });
    const absolute = await get(`http://127.0.0.1:${port}/mcp`, `127.0.0.1:${port}`);
    expect(absolute).toMatch(/^HTTP\/1\.1 200 /);
  });

  test("does not answer TRACE", async () => {
    const logged = system.lines.length;
    const answer = await raw(`TRACE /mcp HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 [45]0\d /);
    expect(system.lines.length).toBe(logged);
  });

  test("sends the head of a stream before its first event, and each event as it comes", async () => {
    let push: (text: string) => void = () => undefined;
    handler = () => {
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => {
          push = (text) => controller.enqueue(new TextEncoder().encode(text));
        },
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    };
    const response = await fetch(resource, { headers: headers() });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    for (const event of ['data: {"n":1}\n\n', 'data: {"n":2}\n\n']) {
      push(event);
      expect((await reader?.read())?.value).toBe(event);
    }
    await reader?.cancel();
  });

  test("cancels what stands behind when the client goes", async () => {
    const cancelled = new Promise<string>((resolve) => {
      handler = (forwarded) => {
        forwarded.signal.addEventListener("abort", () => resolve("signal"));
        const body = new ReadableStream<Uint8Array>({
          start: (controller) => controller.enqueue(new TextEncoder().encode(": hello\n\n")),
          cancel: () => resolve("body"),
        });
        return new Response(body, { headers: { "content-type": "text/event-stream" } });
      };
    });
    const req = request(resource, { headers: headers() });
    req.on("error", () => undefined).end();
    const [response] = (await once(req, "response")) as [IncomingMessage];
    await once(response, "data");
    req.destroy();
    expect(await cancelled).toMatch(/signal|body/);
  });

  test("answers 500 when what stands behind fails, and goes on", async () => {
    handler = () => {
      throw new Error("broken tool");
    };
    const failed = await fetch(resource, { method: "POST", headers: headers(), body: BODY });
    expect(failed.status).toBe(500);
    expect(await failed.text()).not.toContain("broken tool");
    handler = () => Response.json({ ok: true });
    expect((await fetch(resource, { method: "POST", headers: headers(), body: BODY })).status).toBe(200);
  });
});

test("behind a body parser nothing goes through: what it read cannot be judged", async () => {
  const port = await freePort();
  const resource = `http://127.0.0.1:${port}/mcp`;
  const issuer = await createTestIssuer({ issuer: "https://as.example", resource, system });
  const app = express();
  app.use(express.json());
  let reached = false;
  const resourceServer = createResourceServer({
    resource,
    issuers: [issuer],
    policy,
    baseline: ["mcp:read"],
    isLive: noLocalRecords(policy.scopes),
    system,
  });
  protectExpress(app, {
    resourceServer,
    system,
    handler: () => {
      reached = true;
      return new Response();
    },
  });
  const server = app.listen(port, "127.0.0.1");
  await once(server, "listening");
  const authorization = `Bearer ${await issuer.token()}`;
  const response = await fetch(resource, {
    method: "POST",
    headers: { authorization, "content-type": "application/json" },
    body: BODY,
  });
  expect([response.status, reached]).toEqual([500, false]);
  expect(JSON.stringify(system.lines.at(-1))).toContain("before any body parser");
  server.close();
});
