import { createResourceServer, type JsonObject, type Liveness, type ResourceServerOptions } from "@sallyport/auth";
import { createTestIssuer, createTestSystem, type TestIssuer, type TestSystem } from "@sallyport/auth/testing";
import { createDefaultPolicy } from "../../policy/default-policy.js";
import type { Gateway, GatewayOptions, GatewayServer, IdSealer } from "../contract.js";
import { createGateway } from "../listener.js";
import { type Answer, createFakeUpstream, type FakeUpstream, result } from "./fake-upstream.js";

/** Scopes of the tools behind every harness. */
export const TOOLS: Readonly<Record<string, string>> = { read_notes: "mcp:read", write_note: "mcp:write" };

/** Stands in for real sealing: readable, and bound to kind, server and owner. */
export const plainSealer: IdSealer = {
  sealId: ({ kind, server }, id, { iss, sub, client_id }) =>
    Buffer.from(JSON.stringify([kind, server, iss, sub, client_id, id])).toString("base64url"),
  openId: (scope, sealed, owner) => {
    const id = lastOf(Buffer.from(sealed, "base64url").toString());
    return id !== undefined && plainSealer.sealId(scope, id, owner) === sealed ? id : undefined;
  },
};

function lastOf(text: string): string | undefined {
  try {
    return JSON.parse(text).at(-1);
  } catch {
    return undefined;
  }
}

export interface Harness {
  readonly gateway: Gateway;
  readonly upstream: FakeUpstream;
  readonly issuer: TestIssuer;
  readonly system: TestSystem;
  /** Where the MCP endpoint is really reached. */
  readonly url: string;
  readonly port: number;
  post(body: unknown, headers?: Record<string, string>): Promise<Response>;
  /** Headers of a caller; `scope` default `mcp:read`. */
  caller(claims?: Record<string, unknown>): Promise<Record<string, string>>;
}

export interface HarnessOptions {
  readonly answer?: Answer;
  readonly liveness?: () => Liveness;
  readonly server?: Partial<GatewayServer>;
  readonly resourceServer?: Partial<ResourceServerOptions>;
  readonly gateway?: Partial<GatewayOptions>;
}

const LIVE: Liveness = { status: "live", roles: [], entitled: ["mcp:write"], granted: undefined };

/** A whole gateway on loopback, with real tokens and a fake upstream. The public URL is `http://localhost:<port>`, whatever the port becomes. */
export async function createHarness(options: HarnessOptions = {}): Promise<Harness> {
  const system = createTestSystem();
  const port = await freePort();
  const publicUrl = `http://localhost:${port}`;
  const resource = `${publicUrl}/mcp`;
  const issuer = await createTestIssuer({ issuer: publicUrl, resource, system });
  const upstream = createFakeUpstream(options.answer ?? result({ content: [] }));
  const policy = createDefaultPolicy({ scopeOf: (tool) => TOOLS[tool] });
  const resourceServer = createResourceServer({
    resource,
    issuers: [issuer],
    policy,
    baseline: ["mcp:read"],
    isLive: options.liveness ?? (() => LIVE),
    system,
    ...options.resourceServer,
  });
  const gateway = createGateway({
    publicUrl,
    servers: [{ resourceServer, upstream, identifiers: plainSealer, ...options.server }],
    web: async (request) => new Response(`web ${new URL(request.url).href}`),
    listen: { port, hosts: ["127.0.0.1"] },
    system,
    ...options.gateway,
  });
  await gateway.listen();
  const caller = async (claims: Record<string, unknown> = {}) => ({
    authorization: `Bearer ${await issuer.token(claims)}`,
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
  });
  const url = `http://127.0.0.1:${port}/mcp`;
  const post = async (body: unknown, headers?: Record<string, string>) =>
    fetch(url, {
      method: "POST",
      headers: headers ?? (await caller()),
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
  return { gateway, upstream, issuer, system, url, port, post, caller };
}

/** A port nobody holds right now; the test's own listener takes it next. */
async function freePort(): Promise<number> {
  const { createServer } = await import("node:net");
  const probe = createServer();
  const port = await new Promise<number>((resolve) =>
    probe.listen(0, "127.0.0.1", () => resolve((probe.address() as { port: number }).port)),
  );
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

export function call(name: string, args: JsonObject = {}, id: string | number = 1): JsonObject {
  return { jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: args } };
}
