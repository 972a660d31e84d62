import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from "@modelcontextprotocol/client";
import { Client as OldClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as OldTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { formatAccessToken, randomToken, system } from "@sallyport/auth";
import { createTestKeys } from "@sallyport/auth/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROOT } from "./architecture/tree.js";
import { createPerson } from "./interop/person.js";
import { createStrictClient } from "./interop/strict-client.js";

/*
 * The examples as their readers run them: a process of their own settings, an authorization server elsewhere (here reduced to its keys),
 * real clients in front.
 */
const NAMES = ["hono", "express", "fastify", "node"] as const;

const keys = await createTestKeys();
let issuerServer: Server;
let issuer: string;

beforeAll(async () => {
  issuerServer = createServer((_req, res) => {
    void Promise.resolve(keys.publicKeys()).then((jwks) =>
      res.setHeader("content-type", "application/json").end(JSON.stringify({ keys: jwks })),
    );
  });
  issuer = `http://127.0.0.1:${await listen(issuerServer)}`;
});
afterAll(() => void issuerServer.close());

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)));
}

/** Of an example, without imports and empty lines. */
function ownLines(name: string): readonly string[] {
  const source = readFileSync(join(ROOT, "examples", `${name}.ts`), "utf8");
  return source.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("import "));
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function mint(resource: string, scope: string): Promise<string> {
  const now = system.now();
  const claims = { iss: issuer, sub: "ada", aud: resource, client_id: "editor", scope, iat: now, exp: now + 300 };
  return formatAccessToken({ ...claims, jti: randomToken(system) }, keys);
}

interface Caller {
  readonly listTools: () => Promise<{ readonly tools: readonly { readonly name: string }[] }>;
  readonly callTool: (call: { name: string; arguments: Record<string, unknown> }) => Promise<unknown>;
  readonly close: () => Promise<void>;
}

const CLIENTS: readonly [name: string, connect: (url: URL, token: string) => Promise<Caller>][] = [
  [
    "the SDK's client 2.4 in the modern era",
    async (url, token) => {
      const client = new ModernClient({ name: "t", version: "1" }, { versionNegotiation: { mode: "auto" } });
      await client.connect(
        new ModernTransport(url, { requestInit: { headers: { authorization: `Bearer ${token}` } } }),
      );
      expect(client.getNegotiatedProtocolVersion()).toBe("2026-07-28");
      return client as unknown as Caller;
    },
  ],
  [
    "the SDK's client 1.32",
    async (url, token) => {
      const client = new OldClient({ name: "t", version: "1" });
      await client.connect(new OldTransport(url, { requestInit: { headers: { authorization: `Bearer ${token}` } } }));
      return client as unknown as Caller;
    },
  ],
];

describe.each(NAMES)("examples/%s.ts", (name) => {
  let server: Server;
  let resource: string;

  beforeAll(async () => {
    resource = `http://127.0.0.1:${await freePort()}/mcp`;
    Object.assign(process.env, { ISSUER: issuer, RESOURCE: resource });
    ({ server } = await import(`../examples/${name}.ts`));
    if (!server.listening) await once(server, "listening");
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  test("has at most 20 lines of the user's own", () => {
    expect(ownLines(name).length).toBeLessThanOrEqual(20);
  });

  test("leaves other paths to the app", async () => {
    expect(await (await fetch(new URL("/", resource))).text()).toBe("notes");
  });

  test("asks for a token, and says where to get one (R-03, R-05, R-08)", async () => {
    const response = await fetch(resource, {
      method: "POST",
      body: "{}",
      headers: { "content-type": "application/json" },
    });
    expect(response.status).toBe(401);
    const challenge = response.headers.get("www-authenticate") ?? "";
    const url = /resource_metadata="([^"]+)"/.exec(challenge)?.[1] ?? "";
    expect(challenge).toContain('scope="notes:read"');
    expect(await (await fetch(url)).json()).toMatchObject({ resource, authorization_servers: [issuer] });
  });

  test.each(CLIENTS)(
    "serves %s: lists what is reachable, reads, and refuses to write without the scope",
    async (_client, connect) => {
      const client = await connect(new URL(resource), await mint(resource, "notes:read"));
      const { tools } = await client.listTools();
      expect(tools.map((tool) => tool.name)).toEqual(["read_note", "write_note"]);
      const read = await client.callTool({ name: "read_note", arguments: { text: "one" } });
      expect(read).toMatchObject({ content: [{ text: "read one" }] });
      await expect(client.callTool({ name: "write_note", arguments: { text: "two" } })).rejects.toThrow();
      await expect(client.callTool({ name: "erase_all", arguments: { text: "three" } })).rejects.toThrow(
        /Unknown tool/,
      );
      await client.close();
    },
  );

  test.each(CLIENTS)("lets %s write with the scope", async (_client, connect) => {
    const client = await connect(new URL(resource), await mint(resource, "notes:write"));
    const wrote = await client.callTool({ name: "write_note", arguments: { text: "two" } });
    expect(wrote).toMatchObject({ content: [{ text: "wrote two" }] });
    await client.close();
  });
});

describe("examples/embedded.ts: an authorization server of one's own, with a sign-in of one's own", () => {
  const password = "lantern quarry";
  let server: Server;
  let resource: string;

  beforeAll(async () => {
    resource = `http://127.0.0.1:${await freePort()}/mcp`;
    Object.assign(process.env, { RESOURCE: resource, PASSWORD: password });
    server = (await import("../examples/embedded.js")).server as Server;
    if (!server.listening) await once(server, "listening");
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  test("has at most 40 lines of the user's own", () => {
    expect(ownLines("embedded").length).toBeLessThanOrEqual(40);
  });

  test("takes oauth4webapi from the MCP URL alone through sign-in and consent to tokens, refresh and revocation", async () => {
    const client = await createStrictClient(resource);
    const ada = createPerson({ code: () => "", password });
    const first = await client.authorize(ada, { scope: "notes:read" });
    expect(ada.consentPages[0]).toContain("Read notes");
    expect(ada.trail.join("\n")).toContain("POST http");
    expect(await statusOf(first.access_token, "read_note")).toBe(200);
    expect(await statusOf(first.access_token, "write_note")).toBe(403);

    const wider = await client.authorize(ada, { scope: "notes:write", answer: { scopes: "all" } });
    expect(await statusOf(wider.access_token, "write_note")).toBe(200);
    const renewed = await client.refresh(wider.refresh_token ?? "");
    expect(renewed.refresh_token).not.toBe(wider.refresh_token);
    expect(await statusOf(renewed.access_token, "write_note")).toBe(200);

    await client.revoke(renewed.refresh_token ?? "");
    expect(await statusOf(renewed.access_token, "write_note")).toBe(401);
    expect(await statusOf(first.access_token, "read_note")).toBe(200);
  });

  test("lets the SDK's client 2.4 call with what it granted", async () => {
    const { access_token } = await (await createStrictClient(resource)).authorize(
      createPerson({ code: () => "", password }),
    );
    const [, connect] = CLIENTS[0] ?? [];
    const client = await connect?.(new URL(resource), access_token);
    expect(await client?.callTool({ name: "read_note", arguments: { text: "one" } })).toMatchObject({
      content: [{ text: "read one" }],
    });
    await client?.close();
  });

  test("lets nobody in with another password, or none", async () => {
    const strict = await createStrictClient(resource);
    for (const wrong of ["guessed", ""]) {
      await expect(strict.authorize(createPerson({ code: () => "", password: wrong }))).rejects.toThrow(
        /Wrong password/,
      );
    }
  });

  async function statusOf(token: string, tool: string): Promise<number> {
    const response = await fetch(resource, {
      method: "POST",
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": "2025-06-18",
      },
      body: JSON.stringify({
        ...{ jsonrpc: "2.0", id: 1, method: "tools/call" },
        params: { name: tool, arguments: { text: "one" } },
      }),
    });
    await response.text();
    return response.status;
  }
});
