import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { OAuthError } from "@sallyport/auth";
import { clientCredentialsGrant, createTokenEndpoint } from "@sallyport/auth/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sendPooled } from "./send-pooled.js";

type Behaviour = (response: ServerResponse, request: IncomingMessage) => void;

let server: Server;
let behaviour: Behaviour;
const arrived: { readonly headers: IncomingMessage["headers"]; readonly body: string }[] = [];
beforeAll(async () => {
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => {
      body += String(chunk);
    });
    request.on("end", () => {
      arrived.push({ headers: request.headers, body });
      behaviour(response, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const json =
  (body: string, headers = {}): Behaviour =>
  (response) =>
    void response.writeHead(200, { "content-type": "application/json", ...headers }).end(body);
const GOOD = JSON.stringify({ access_token: "token", token_type: "Bearer", expires_in: 60 });

const PORTS = [
  ["the platform's fetch", {}],
  ["pooled connections", { send: sendPooled }],
] as const;

describe.each(PORTS)("a token endpoint by way of %s", (_, port) => {
  const ask = (timeoutMs = 10_000, at = (server.address() as AddressInfo).port) =>
    createTokenEndpoint({
      token_endpoint: `http://127.0.0.1:${at}/token?tenant=a`,
      client: { method: "client_secret_basic", client_id: "gateway", client_secret: "s" },
      timeoutMs,
      ...port,
    }).request(clientCredentialsGrant({ scope: "crm:read ä&=" }));
  const reasonOf = async (asking: Promise<unknown>) =>
    asking.then(
      () => "answered",
      (error: unknown) => (error instanceof OAuthError ? error.reason : String(error)),
    );

  test("sends the same form, and reads the answer in whatever pieces it comes", async () => {
    arrived.length = 0;
    behaviour = (response) => {
      response.writeHead(200, { "content-type": "application/json" });
      for (const byte of Buffer.from(GOOD)) response.write(Buffer.from([byte]));
      response.end();
    };
    expect(await ask()).toMatchObject({ access_token: "token" });
    const [{ headers, body } = { headers: {}, body: "" }] = arrived;
    expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
      grant_type: "client_credentials",
      scope: "crm:read ä&=",
    });
    expect(headers).toMatchObject({
      "content-type": "application/x-www-form-urlencoded;charset=UTF-8",
      accept: "application/json",
      authorization: expect.stringMatching(/^Basic /),
    });
  });

  test.each<[string, string, Behaviour]>([
    ["server_garbage", "a redirect", (response) => response.writeHead(307, { location: "http://127.0.0.1:1/" }).end()],
    ["server_garbage", "without end", json("x".repeat(200_000))],
    ["server_garbage", "no JSON", (response) => response.writeHead(200, { "content-type": "text/html" }).end(GOOD)],
    [
      "server_garbage",
      "bytes that are no text",
      (response) => json(GOOD.replace("token", "\u{fffd}"))(response, null as never),
    ],
    ["server_unreachable", "500", (response) => response.writeHead(500).end()],
    ["server_busy", "429", (response) => response.writeHead(429, { "retry-after": "7" }).end()],
    ["server_unreachable", "nothing, and hangs up", (response) => response.destroy()],
    [
      "server_unreachable",
      "half an answer",
      (response) => {
        response.writeHead(200, { "content-type": "application/json", "content-length": "500" });
        response.write("{", () => response.destroy());
      },
    ],
    [
      "token_refused",
      "no",
      (response) => response.writeHead(400, { "content-type": "application/json" }).end('{"error":"invalid_scope"}'),
    ],
  ])("names %s when it answers %s", async (reason, _what, answers) => {
    behaviour = answers;
    expect(await reasonOf(ask())).toBe(reason);
    behaviour = json(GOOD);
    expect(await reasonOf(ask())).toBe("answered");
  });

  test("names server_timeout when it says nothing in time, or drips", async () => {
    behaviour = () => {};
    expect(await reasonOf(ask(50))).toBe("server_timeout");
    let dripping: NodeJS.Timeout | undefined;
    behaviour = (response) => {
      response.writeHead(200, { "content-type": "application/json" });
      dripping = setInterval(() => response.write(" "), 10);
    };
    expect(await reasonOf(ask(100))).toBe("server_timeout");
    clearInterval(dripping);
  });

  test("names server_unreachable where nobody listens", async () => {
    const probe = createServer();
    await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
    const { port: free } = probe.address() as AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    expect(await reasonOf(ask(10_000, free))).toBe("server_unreachable");
  });
});
