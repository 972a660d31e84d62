import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Rule } from "../core/policy.js";
import { createTestIssuer, type TestIssuer } from "../testing/issuer.js";
import { createTestSystem } from "../testing/system.js";
import type { Authenticated, ResourceServerOptions } from "./contract.js";
import { noLocalRecords } from "./no-local-records.js";
import { type ProtectMcpOptions, protectMcp } from "./protect-mcp.js";
import { createResourceServer } from "./resource-server.js";
import { scopePolicy } from "./scope-policy.js";

const RESOURCE = "https://mcp.example/mcp";
const system = createTestSystem();
let issuer: TestIssuer;

const limitRule: Rule = {
  id: "amount",
  effect: "deny",
  applies: ({ name }) => name === "set_limit",
  when: ({ call }) => (typeof call.arguments === "object" ? Number(call.arguments.limit) > 100 : "unknown"),
  because: "Limits above 100 are set by finance.",
};

const policy = scopePolicy({
  scopes: {
    "mcp:read": { allow: ["tools/get_*", "resources/demo://**", "prompts/*"] },
    "mcp:write": { allow: ["tools/set_*"], includes: ["mcp:read"] },
    admin: { allow: ["tools/drop"] },
  },
  rules: [limitRule],
});
const ENTITLED = ["mcp:write"];

beforeAll(async () => {
  issuer = await createTestIssuer({ issuer: "https://as.example", resource: RESOURCE, system });
});

/** Requests that reached what stands behind. */
let reached: { request: Request; text: string; who: Authenticated }[];
let answer: () => Response;
beforeEach(() => {
  reached = [];
  answer = () => Response.json({ jsonrpc: "2.0", id: 1, result: {} });
});

async function send(
  request: Request,
  options: { server?: Partial<ResourceServerOptions>; protect?: ProtectMcpOptions } = {},
): Promise<Response> {
  const resourceServer = createResourceServer({
    resource: RESOURCE,
    issuers: [issuer],
    policy,
    baseline: ["mcp:read"],
    isLive: noLocalRecords(ENTITLED),
    system,
    ...options.server,
  });
  return protectMcp(resourceServer, { system, ...options.protect })(request, async (forwarded, who) => {
    reached.push({ request: forwarded, text: await forwarded.clone().text(), who });
    return answer();
  });
}

interface Sent {
  readonly scope?: string;
  readonly claims?: Record<string, unknown>;
  readonly headers?: Record<string, string>;
  readonly method?: string;
  readonly revision?: string;
}

async function post(body: unknown, sent: Sent = {}): Promise<Request> {
  const token = await issuer.token({ scope: sent.scope ?? "mcp:read", ...sent.claims });
  return new Request(RESOURCE, {
    method: sent.method ?? "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "mcp-protocol-version": sent.revision ?? "2025-11-25",
      ...sent.headers,
    },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

const rpc = (method: string, params: object = {}, id: string | number = 1) => ({ jsonrpc: "2.0", id, method, params });
const call = (name: string, args: object = {}, id: string | number = 1) =>
  rpc("tools/call", { name, arguments: args }, id);

async function modern(body: { method: string; params: object }, sent: Sent = {}): Promise<Request> {
  const meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": { name: "c", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const name = (body.params as { name?: string }).name;
  return post(
    { ...body, params: { ...body.params, _meta: meta } },
    {
      ...sent,
      revision: "2026-07-28",
      headers: { "mcp-method": body.method, ...(name === undefined ? {} : { "mcp-name": name }), ...sent.headers },
    },
  );
}

describe("a permitted call", () => {
  test("goes on with the very bytes, without the token, and with the principal", async () => {
    const body = ` {"jsonrpc":"2.0", "id":1, "method":"tools/call","params":{"name":"get_customer","arguments":{"id":1.0}}} `;
    const response = await send(await post(body));
    expect(response.status).toBe(200);
    expect(reached).toHaveLength(1);
    expect(reached[0]?.text).toBe(body);
    expect(reached[0]?.request.headers.get("authorization")).toBeNull();
    expect(reached[0]?.who.principal).toMatchObject({ sub: "user-1", scopes: ["mcp:read"] });
  });

  test("keeps the token where the server behind asks for it", async () => {
    await send(await post(call("get_customer")), { protect: { keepAuthorization: true } });
    expect(reached[0]?.request.headers.get("authorization")).toMatch(/^Bearer /);
  });

  test.each(["notifications/initialized", "notifications/cancelled"])("%s is one too", async (method) => {
    answer = () => new Response(null, { status: 202 });
    expect((await send(await post({ jsonrpc: "2.0", method }))).status).toBe(202);
  });

  test.each(["GET", "DELETE"])("a %s needs a token and goes on with it (R-31)", async (method) => {
    const authorization = `Bearer ${await issuer.token()}`;
    const headers = { "mcp-protocol-version": "2025-11-25", "mcp-session-id": "s" };
    expect((await send(new Request(RESOURCE, { method, headers }))).status).toBe(401);
    expect(reached).toHaveLength(0);
    expect((await send(new Request(RESOURCE, { method, headers: { ...headers, authorization } }))).status).toBe(200);
  });
});

describe("a call beyond the granted scopes", () => {
  test("is 403 insufficient_scope, up to 2025-11-25 with what is already granted (R-14, R-15, R-16)", async () => {
    const response = await send(await post(call("set_name", {}, "a-7")));
    expect(response.status).toBe(403);
    expect(response.headers.get("www-authenticate")).toBe(
      'Bearer error="insufficient_scope", error_description="This call needs scopes that were not granted yet.", ' +
        'resource_metadata="https://mcp.example/.well-known/oauth-protected-resource/mcp", scope="mcp:read mcp:write"',
    );
    expect(await response.json()).toMatchObject({
      jsonrpc: "2.0",
      id: "a-7",
      error: { code: -32000, data: { reason: "insufficient_scope", decisionId: expect.any(String) } },
    });
    expect(reached).toHaveLength(0);
  });

  test("in 2026-07-28 names only what the operation needs (R-16)", async () => {
    const response = await send(await modern(call("set_name")));
    expect(response.status).toBe(403);
    expect(response.headers.get("www-authenticate")).toContain('scope="mcp:write"');
  });

  test("in a batch refuses the whole batch, with all its scopes in one challenge (R-17)", async () => {
    const server = { isLive: noLocalRecords(["mcp:write", "admin"]) };
    const batch = [
      call("get_a", {}, 1),
      call("set_a", {}, 2),
      call("drop", {}, 3),
      { jsonrpc: "2.0", method: "notifications/cancelled" },
    ];
    const response = await send(await post(batch, { revision: "2025-03-26" }), { server });
    expect(response.status).toBe(403);
    expect(response.headers.get("www-authenticate")).toContain('scope="mcp:read mcp:write admin"');
    const answers = (await response.json()) as { id: number }[];
    expect(answers.map(({ id }) => id)).toEqual([1, 2, 3]);
    expect(reached).toHaveLength(0);
  });
});

describe("a call that a rule denies", () => {
  test("is 403 without challenge, whatever the token's scopes: no consent would help", async () => {
    for (const scope of ["mcp:read", "mcp:write"]) {
      const response = await send(await post(call("set_limit", { limit: 101 }), { scope }));
      expect(response.status).toBe(403);
      expect(response.headers.get("www-authenticate")).toBeNull();
      const because = "Limits above 100 are set by finance.";
      expect(await response.json()).toEqual({
        jsonrpc: "2.0",
        id: 1,
        error: {
          code: -32000,
          message: because,
          data: { reason: "denied_by_rule", because, decisionId: expect.any(String) },
        },
      });
    }
    expect(reached).toHaveLength(0);
  });

  test("is denied too when a number cannot be read exactly, and only where a condition reads it", async () => {
    const inexact = (name: string) =>
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${name}","arguments":{"limit":12345678901234567890}}}`;
    expect((await send(await post(inexact("set_limit"), { scope: "mcp:write" }))).status).toBe(403);
    expect((await send(await post(inexact("set_other"), { scope: "mcp:write" }))).status).toBe(200);
  });
});

describe("a name that cannot be reached", () => {
  test.each([
    ["2025-11-25", 200],
    ["2026-07-28", 400],
  ])("is answered in %s as if it did not exist, hidden or absent", async (revision, status) => {
    const of = async (name: string) => {
      const response = await send(revision === "2026-07-28" ? await modern(call(name)) : await post(call(name)));
      return [
        response.status,
        (await response.text()).replaceAll(name, "NAME"),
        response.headers.get("www-authenticate"),
      ];
    };
    const hidden = await of("drop");
    expect(hidden[0]).toBe(status);
    expect(JSON.parse(String(hidden[1]))).toMatchObject({ id: 1, error: { code: -32602 } });
    expect(await of("none")).toEqual(hidden);
    expect(reached).toHaveLength(0);
  });

  test("is 403 for whoever may not use the server at all", async () => {
    const response = await send(await post(rpc("tools/list")), { server: { isLive: noLocalRecords([]) } });
    expect(response.status).toBe(403);
    expect(response.headers.get("www-authenticate")).toBeNull();
    expect(await response.json()).toMatchObject({ id: 1, error: { data: { reason: "no_access" } } });
  });
});

describe("a broken request", () => {
  const cases: readonly [title: string, body: unknown, sent: Sent, status: number, code: number | undefined][] = [
    ["not JSON", "{", {}, 400, -32700],
    ["a duplicate key", `{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}`, {}, 400, -32600],
    ["an unknown method", rpc("tools/destroy"), {}, 404, -32601],
    ["a header that names another method", rpc("ping"), { headers: { "mcp-method": "tools/list" } }, 400, -32020],
    ["an unknown revision", rpc("ping"), { revision: "2099-01-01" }, 400, -32022],
    ["a form", "a=b", { headers: { "content-type": "application/x-www-form-urlencoded" } }, 415, -32600],
    ["another charset", rpc("ping"), { headers: { "content-type": "application/json; charset=utf-16" } }, 415, -32600],
    ["a compressed body", rpc("ping"), { headers: { "content-encoding": "gzip" } }, 415, -32600],
    ["a task of nobody", rpc("tasks/get", { taskId: "t" }), {}, 400, -32602],
    ["too large", `"${"x".repeat(4 * 1024 * 1024)}"`, {}, 413, -32600],
    ["a foreign origin (R-27, R-28)", rpc("ping"), { headers: { origin: "https://evil.example" } }, 403, -32000],
    ["the origin null", rpc("ping"), { headers: { origin: "null" } }, 403, -32000],
    ["a foreign host (R-27)", rpc("ping"), { headers: { host: "evil.example" } }, 403, -32000],
    ["PUT", rpc("ping"), { method: "PUT" }, 405, undefined],
  ];
  test.each(cases)("with %s is refused and goes nowhere", async (_title, body, sent, status, code) => {
    const response = await send(await post(body, sent));
    expect(response.status).toBe(status);
    if (code !== undefined) expect(((await response.json()) as { error: { code: number } }).error.code).toBe(code);
    expect(reached).toHaveLength(0);
  });

  test("is answered with the id that could be read", async () => {
    const response = await send(await post(rpc("tools/destroy", {}, "x-1")));
    expect(await response.json()).toMatchObject({ id: "x-1" });
  });
});

describe("a list", () => {
  const tools = ["get_a", "set_a", "drop", "get_b"].map((name) => ({ name, inputSchema: { type: "object" } }));
  const listed = async (request: Request, protect: ProtectMcpOptions = {}) => {
    const response = await send(request, { protect });
    return (await response.json()) as {
      result: { tools: { name: string }[]; cacheScope?: string; nextCursor?: string };
    };
  };
  beforeEach(() => {
    answer = () => Response.json({ jsonrpc: "2.0", id: 1, result: { tools, nextCursor: "n" } });
  });

  test("shows what is granted or can be by stepping up, in the same order (R-40)", async () => {
    const { result } = await listed(await post(rpc("tools/list")));
    expect(result.tools.map(({ name }) => name)).toEqual(["get_a", "set_a", "get_b"]);
    expect(result).toMatchObject({ nextCursor: "n" });
    expect(result).not.toHaveProperty("cacheScope");
  });

  test("shows only what is granted where that is wanted, and to callers without a person behind them always", async () => {
    const names = ["get_a", "get_b"];
    const granted = await listed(await post(rpc("tools/list")), { list: "granted" });
    expect(granted.result.tools.map(({ name }) => name)).toEqual(names);
    const client = await listed(await post(rpc("tools/list"), { claims: { sub: "client-1" } }));
    expect(client.result.tools.map(({ name }) => name)).toEqual(names);
  });

  test("is private in 2026-07-28, whatever the server says (R-41, R-151)", async () => {
    answer = () => Response.json({ jsonrpc: "2.0", id: 1, result: { tools, cacheScope: "public", ttlMs: 60_000 } });
    const { result } = await listed(await modern(rpc("tools/list")));
    expect(result).toMatchObject({ cacheScope: "private", ttlMs: 60_000 });
  });

  test.each([["1"], [null], [2]])(
    "answered under the id %j, which nobody asked with, is filtered by its shape (R-40)",
    async (id) => {
      answer = () => Response.json({ jsonrpc: "2.0", id, result: { tools } });
      const { result } = await listed(await post(rpc("tools/list")));
      expect(result.tools.map(({ name }) => name)).toEqual(["get_a", "set_a", "get_b"]);
    },
  );

  test("in an event stream is filtered too, and everything else in the stream keeps its bytes", async () => {
    const before = ': hello\n\nevent: message\nid: 7\ndata: {"jsonrpc":"2.0","method":"notifications/progress"}\n\n';
    const event = `id: 8\r\ndata: ${JSON.stringify({ jsonrpc: "2.0", id: 1, result: { tools } })}\r\n\r\n`;
    answer = () => new Response(before + event, { headers: { "content-type": "text/event-stream" } });
    const text = await (await send(await post(rpc("tools/list")))).text();
    expect(text.startsWith(before)).toBe(true);
    expect(text.slice(before.length)).toMatch(/^id: 8\ndata: \{/);
    expect(text).toContain("set_a");
    expect(text).not.toContain("drop");
  });

  test("that a stream of GET brings back is filtered by its shape", async () => {
    answer = () =>
      new Response(`data: ${JSON.stringify({ jsonrpc: "2.0", id: 99, result: { tools } })}\n\n`, {
        headers: { "content-type": "text/event-stream" },
      });
    const authorization = `Bearer ${await issuer.token()}`;
    const headers = { authorization, "mcp-protocol-version": "2025-11-25", "last-event-id": "1" };
    const text = await (await send(new Request(RESOURCE, { headers }))).text();
    expect(text).toContain("get_a");
    expect(text).not.toContain("drop");
  });

  test("in a form that nobody reads does not go through", async () => {
    answer = () => new Response("drop", { headers: { "content-type": "text/plain" } });
    const response = await send(await post(rpc("tools/list")));
    expect(response.status).toBe(502);
    expect(await response.text()).not.toContain("drop");
  });

  const lists: readonly [method: string, member: string, elements: readonly object[], shown: readonly object[]][] = [
    ["prompts/list", "prompts", [{ name: "p" }, { name: 7 }, { name: "a/b" }], [{ name: "p" }]],
    [
      "resources/list",
      "resources",
      [{ uri: "demo://a/b" }, { uri: "file:///etc/passwd" }, { uri: "demo://a/../b" }, { uri: "relative" }],
      [{ uri: "demo://a/b" }],
    ],
    [
      "resources/templates/list",
      "resourceTemplates",
      [{ uriTemplate: "demo://a/{id}" }, { uriTemplate: "file:///{path}" }],
      [{ uriTemplate: "demo://a/{id}" }],
    ],
    ["tasks/list", "tasks", [{ taskId: "t-1" }], []],
  ];
  test.each(lists)("%s is filtered by what its elements are", async (method, member, elements, shown) => {
    answer = () => Response.json({ jsonrpc: "2.0", id: 1, result: { [member]: elements } });
    const { result } = (await (await send(await post(rpc(method)))).json()) as { result: Record<string, unknown> };
    expect(result[member]).toEqual(shown);
  });

  test("of tasks shows the caller's own (R-49)", async () => {
    answer = () =>
      Response.json({ jsonrpc: "2.0", id: 1, result: { tasks: [{ taskId: "mine" }, { taskId: "other" }] } });
    const protect: ProtectMcpOptions = {
      creatingCall: (taskId) =>
        taskId === "mine"
          ? { server: "", revision: "2025-11-25", method: "tools/call", kind: "tool", name: "get_a", arguments: {} }
          : undefined,
    };
    const { result } = await listed(await post(rpc("tasks/list")), protect);
    expect(result).toEqual({ tasks: [{ taskId: "mine" }] });
  });
});

describe("the metadata", () => {
  const METADATA = "https://mcp.example/.well-known/oauth-protected-resource/mcp";
  test("is public, for browsers of any origin, on GET, HEAD and preflight (R-03, R-07)", async () => {
    const get = await send(new Request(METADATA, { headers: { origin: "https://any.example" } }));
    expect(await get.json()).toMatchObject({ resource: RESOURCE, bearer_methods_supported: ["header"] });
    expect(get.headers.get("access-control-allow-origin")).toBe("*");
    const head = await send(new Request(METADATA, { method: "HEAD" }));
    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect((await send(new Request(METADATA, { method: "OPTIONS" }))).status).toBe(204);
    expect((await send(new Request(METADATA, { method: "POST" }))).status).toBe(405);
  });
});

describe("a browser", () => {
  const origin = "https://app.example";
  const server = { allowedOrigins: [origin] };

  test("of an allowed origin may ask beforehand, and read challenge and session", async () => {
    const headers = { origin, "access-control-request-headers": "Authorization, Mcp-Param-Region, X-Other" };
    const preflight = await send(new Request(RESOURCE, { method: "OPTIONS", headers }), { server });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get("access-control-allow-origin")).toBe(origin);
    expect(preflight.headers.get("access-control-allow-headers")).toContain("mcp-param-region");
    expect(preflight.headers.get("access-control-allow-headers")).not.toContain("x-other");
    expect(preflight.headers.get("access-control-allow-credentials")).toBeNull();

    const refused = await send(new Request(RESOURCE, { method: "POST", headers: { origin } }), { server });
    expect(refused.status).toBe(401);
    expect(refused.headers.get("access-control-expose-headers")).toContain("WWW-Authenticate");
    expect(refused.headers.get("vary")).toBe("Origin");
  });

  test("of another origin is refused before its token is looked at", async () => {
    const response = await send(await post(rpc("ping"), { headers: { origin: "https://evil.example" } }), { server });
    expect(response.status).toBe(403);
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
  });
});
