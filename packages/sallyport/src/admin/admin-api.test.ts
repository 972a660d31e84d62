import { AjvJsonSchemaValidator } from "@modelcontextprotocol/sdk/validation/ajv";
import { createTestSystem } from "@sallyport/auth/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { testClient, testGrant, testSession } from "../../../auth/src/testing/records.contract.js";
import { createUsers } from "../sign-in/index.js";
import { openStore, type Store } from "../stores/store.js";
import { SIGN_IN } from "../vault/index.js";
import { type AdminApi, createAdminApi } from "./admin-api.js";
import { createClientDirectory } from "./clients.js";
import type { AdminTool } from "./contract.js";
import { ROUTES } from "./routes.js";

const TOKEN = "admin-token-of-this-test-0123456789abcdefghijkl";
const RESOURCE = "https://mcp.example/crm";
const DOCUMENT = "https://editor.example/client.json";

let store: Store;
let api: AdminApi;
let system: ReturnType<typeof createTestSystem>;
let tools: AdminTool[];
/** Operations that were answered with success, by name. */
const answered = new Set<string>();

beforeEach(async () => {
  system = createTestSystem();
  store = await openStore({ url: "sqlite::memory:", masterKey: new Uint8Array(32).fill(7), system });
  tools = [
    { tool: "get/customer", scope: "mcp:write", frozenScope: "mcp:read", changed: true },
    { tool: "search", scope: "mcp:read", frozenScope: "mcp:read", changed: false },
  ];
  const server = {
    name: "crm",
    resource: RESOURCE,
    scopes: ["mcp:read", "mcp:write"],
    issuers: ["https://login.example"],
    tools: () => tools,
    accept: async (name: string) => {
      tools = tools.map((tool) => (tool.tool === name ? { ...tool, scope: tool.frozenScope, changed: false } : tool));
    },
  };
  api = createAdminApi({
    parts: {
      version: "1.2.3",
      issuer: "https://mcp.example",
      users: createUsers(store, system),
      userStore: store.users,
      clients: createClientDirectory({
        configured: [{ client_id: "desk", client_name: "The desk", redirect_uris: ["https://desk.example/cb"] }],
        clients: store.clients,
        registry: store.registry,
        documents: store.clientDocuments,
        now: system.now,
      }),
      documents: store.clientDocuments,
      registry: store.registry,
      sessions: store.sessions,
      externalGrants: store.externalGrants,
      endSignIns: (which) => store.connections.end(SIGN_IN, which, system.now()),
      servers: () => [server],
      system,
    },
    token: TOKEN,
    hosts: ["localhost", "127.0.0.1", "[::1]"],
    addressKey: (address) => address ?? "unknown",
  });
});
afterEach(() => store.close());

interface Ask {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly from?: string;
}

async function ask(what: string, { body, headers = {}, from = "127.0.0.1" }: Ask = {}) {
  const [method = "GET", path = "/"] = what.split(" ");
  const all = {
    host: "localhost:4001",
    authorization: `Bearer ${TOKEN}`,
    "content-type": "application/json",
    ...headers,
  };
  const request = new Request(`http://localhost:4001${path}`, {
    method,
    headers: Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined),
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const response = await api(request, { remoteAddress: from });
  const text = await response.text();
  const json = JSON.parse(text) as Record<string, never>;
  if (response.ok) await checkAgainstDescription(method, path, { status: response.status, json });
  return { status: response.status, headers: response.headers, json, text };
}

/** Every answer of these tests is held against what /openapi.json says of it. */
async function checkAgainstDescription(
  method: string,
  path: string,
  { status, json }: { readonly status: number; readonly json: unknown },
): Promise<void> {
  const [pathname = ""] = path.split("?");
  const route = ROUTES.find(
    (row) => row.method === method && new RegExp(`^${row.path.replace(/\{\w+\}/g, "[^/]+")}$`).test(pathname),
  );
  if (route === undefined) throw new Error(`no row for ${method} ${path}`);
  answered.add(route.name);
  if (route.path === "/openapi.json") return;
  const { json: document } = await ask("GET /openapi.json");
  const { paths, components } = JSON.parse(
    JSON.stringify(document).replaceAll("#/components/schemas/", "#/$defs/"),
  ) as Description;
  const schema = paths[route.path]?.[method.toLowerCase()]?.responses[status]?.content["application/json"].schema;
  if (schema === undefined) throw new Error(`${method} ${route.path} may not answer ${status}`);
  const validate = new AjvJsonSchemaValidator().getValidator({ ...schema, $defs: components.schemas } as never);
  expect(validate(json)).toMatchObject({ valid: true });
}

interface Description {
  readonly paths: Readonly<
    Record<
      string,
      Record<string, { responses: Record<number, { content: { "application/json": { schema: object } } }> }>
    >
  >;
  readonly components: { readonly schemas: object };
}

async function fill(): Promise<void> {
  await store.clients.add(testClient("editor", { secret_hash: "a hash that nobody sees" }));
  await store.clientDocuments.record(
    { client_id: DOCUMENT, host: "editor.example", client_name: "Editor", unlisted: true },
    system.now(),
  );
  await store.grants.widen(testGrant());
  await store.grants.widen(testGrant({ id: "other", client_id: DOCUMENT }));
  await store.sessions.create(testSession({ id: "s1" }), "t1");
  await store.sessions.create(
    testSession({ id: "s2", client_id: DOCUMENT, grant_id: "other", dpop_jkt: "thumb" }),
    "t2",
  );
}

const everyRoute = ROUTES.map(({ method, path }) => `${method} ${path.replace(/\{\w+\}/g, "x")}`);

describe("Without the token nothing answers", () => {
  it.each(everyRoute)("%s", async (what) => {
    const answer = await ask(what, { headers: { authorization: undefined } });
    expect([answer.status, answer.json.error]).toEqual([401, "token_refused"]);
    expect(answer.headers.get("www-authenticate")).toContain("Bearer");
  });

  it.each([
    ["another token", `Bearer ${TOKEN}x`],
    ["a part of it", `Bearer ${TOKEN.slice(0, -1)}`],
    ["another case", `Bearer ${TOKEN.toUpperCase()}`],
    ["another scheme", `Basic ${btoa(`admin:${TOKEN}`)}`],
    ["two", `Bearer ${TOKEN}, Bearer ${TOKEN}`],
    ["none", "Bearer"],
  ])("%s is a 401 that repeats nothing", async (_, authorization) => {
    const answer = await ask("GET /v1/users", { headers: { authorization } });
    expect(answer.status).toBe(401);
    expect(answer.text).not.toContain(TOKEN.slice(0, 20));
  });

  it("a token in the query is none", async () => {
    expect((await ask(`GET /v1/users?access_token=${TOKEN}`, { headers: { authorization: undefined } })).status).toBe(
      401,
    );
  });

  it("wrong ones are counted by address, and a right one is taken whatever came before", async () => {
    const wrong = { headers: { authorization: "Bearer wrong" } };
    for (let i = 0; i < 20; i += 1) expect((await ask("GET /v1/users", wrong)).status).toBe(401);
    const limited = await ask("GET /v1/users", wrong);
    expect([limited.status, limited.json.error]).toEqual([429, "too_many_requests"]);
    expect(Number(limited.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await ask("GET /v1/users", { ...wrong, from: "127.0.0.2" })).status).toBe(401);
    expect((await ask("GET /v1/users")).status).toBe(200);
  });
});

describe("It is not for web pages (R-27)", () => {
  it.each([
    ["a rebound name", { host: "evil.example" }],
    ["a name that ends like ours", { host: "evil-localhost" }],
    ["no host", { host: undefined }],
    ["a page elsewhere", { origin: "https://evil.example" }],
    ["a page on another port", { origin: "http://localhost:9999" }],
    ["a page of nobody", { origin: "null" }],
  ])("%s is refused before the token is looked at", async (_, headers) => {
    const answer = await ask("GET /v1/users", { headers });
    expect([answer.status, answer.json.error]).toEqual([403, "origin_refused"]);
  });

  it.each(["localhost:4001", "localhost", "127.0.0.1:9000", "[::1]:4001"])("%s is a name of ours", async (host) => {
    expect((await ask("GET /v1/status", { headers: { host } })).status).toBe(200);
  });

  it("answers no preflight, and no answer allows an origin or is kept", async () => {
    const preflight = await ask("OPTIONS /v1/users", { headers: { origin: "http://localhost:4001" } });
    expect(preflight.status).toBe(405);
    for (const answer of [preflight, await ask("GET /v1/users")]) {
      expect([...answer.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
      expect(answer.headers.get("cache-control")).toBe("no-store");
    }
  });
});

describe("What is not meant is refused", () => {
  it.each([
    ["GET /v1/nothing", {}, 404, "not_found"],
    ["GET /v1/users/", {}, 404, "not_found"],
    ["GET //v1/users", {}, 404, "not_found"],
    ["DELETE /v1/users", {}, 405, "method_not_allowed"],
    ["GET /v1/users/%zz", {}, 400, "request_refused"],
    ["GET /v1/users/nobody", {}, 404, "not_found"],
    ["GET /v1/clients/nobody", {}, 404, "not_found"],
    ["DELETE /v1/clients/nobody", {}, 404, "not_found"],
    ["GET /v1/servers/other/tools", {}, 404, "not_found"],
    ["POST /v1/servers/crm/tools/none/accept", {}, 404, "not_found"],
    ["GET /v1/grants?user=nobody", {}, 404, "not_found"],
    ["GET /v1/sessions?server=other", {}, 404, "not_found"],
    ["GET /v1/clients?limit=0", {}, 400, "request_refused"],
    ["GET /v1/clients?limit=5000", {}, 400, "request_refused"],
    ["GET /v1/clients?limit=1&limit=2", {}, 400, "request_refused"],
    ["GET /v1/users?name=x", {}, 400, "request_refused"],
    ["POST /v1/users", { body: "{" }, 400, "request_refused"],
    ["POST /v1/users", { body: { name: "" } }, 400, "request_refused"],
    ["POST /v1/users", { body: { name: "a b\n" } }, 400, "request_refused"],
    ["POST /v1/users", { body: { name: "ada", owner: true } }, 400, "request_refused"],
    ["POST /v1/users", { body: { name: "ada", roles: "support" } }, 400, "request_refused"],
    ["POST /v1/users", { body: [] }, 400, "request_refused"],
    ["POST /v1/users", { body: {}, headers: { "content-type": "text/plain" } }, 415, "not_json"],
    ["POST /v1/users", { body: { name: "x".repeat(70_000) } }, 413, "body_too_large"],
    ["PATCH /v1/users/nobody", { body: { disabled: true } }, 404, "not_found"],
    ["POST /v1/revocations", { body: {} }, 400, "request_refused"],
    ["POST /v1/revocations", { body: { all: false } }, 400, "request_refused"],
    ["POST /v1/revocations", { body: { user: "nobody" } }, 404, "not_found"],
    ["POST /v1/revocations", { body: { subject: "s" } }, 400, "request_refused"],
    ["POST /v1/revocations", { body: { issuer: "https://login.example", user: "ada" } }, 400, "request_refused"],
    ["POST /v1/revocations", { body: { issuer: "https://login.example", all: true } }, 400, "request_refused"],
    ["POST /v1/revocations", { body: { issuer: "https://login.example/" } }, 404, "not_found"],
  ] as const)("%s with %j: %i %s", async (what, asked, status, error) => {
    const answer = await ask(what, asked as Ask);
    expect([answer.status, answer.json.error]).toEqual([status, error]);
    expect(await store.users.list()).toEqual([]);
  });

  it("a store that does not answer is a 503, and a defect a 500 that tells nothing", async () => {
    await store.close();
    const answer = await ask("GET /v1/users");
    expect([500, 503]).toContain(answer.status);
    expect(answer.text).not.toMatch(/sqlite|stack|at /i);
    store = await openStore({ url: "sqlite::memory:", masterKey: new Uint8Array(32).fill(7), system });
  });
});

describe("Users", () => {
  it("are added, changed, allowed and reset, and nothing of their secrets is shown or logged", async () => {
    const added = await ask("POST /v1/users", { body: { name: "Ada", roles: ["support"] } });
    expect(added).toMatchObject({ status: 201, json: { user: { name: "ada", roles: ["support"], disabled: false } } });
    expect((await ask("POST /v1/users", { body: { name: "ADA" } })).status).toBe(409);
    expect((await ask("PATCH /v1/users/ada", { body: {} })).status).toBe(400);
    const { code } = added.json as unknown as { code: { code: string } };
    const scopes = await ask("PUT /v1/users/ada/entitlements/crm", { body: { scopes: ["mcp:read"] } });
    expect(scopes.json).toMatchObject({ entitlements: [{ server: "crm", scopes: ["mcp:read"] }] });
    const unknown = await ask("PUT /v1/users/ada/entitlements/crm", { body: { scopes: ["mcp:all"] } });
    expect([unknown.status, unknown.json.message]).toEqual([400, expect.stringContaining("mcp:read, mcp:write")]);
    expect((await ask("PUT /v1/users/ada/entitlements/other", { body: { scopes: [] } })).status).toBe(404);
    const changed = await ask("PATCH /v1/users/ada", { body: { disabled: true, roles: ["finance"] } });
    expect(changed.json).toMatchObject({ disabled: true, roles: ["finance"] });
    expect((await ask("PATCH /v1/users/ada", { body: { disabled: false } })).json).toMatchObject({ disabled: false });
    const reset = await ask("POST /v1/users/ada/reset");
    expect((reset.json as unknown as { code: string }).code).not.toBe(code.code);
    expect((await ask("GET /v1/users")).json).toMatchObject({ users: [{ name: "ada" }] });
    expect((await ask("GET /v1/users/Ada")).json).toMatchObject({ name: "ada" });
    const said = JSON.stringify(system.lines);
    for (const secret of [code.code, (reset.json as unknown as { code: string }).code, TOKEN]) {
      expect(said).not.toContain(secret);
    }
    expect(system.lines).toContainEqual(
      expect.objectContaining({ fields: { route: "PATCH /v1/users/{user}", params: { user: "ada" } } }),
    );
  });

  it("what a disabled one granted has ended", async () => {
    await ask("POST /v1/users", { body: { name: "eve" } });
    const { sub = "" } = (await store.users.findByName("eve")) ?? {};
    await store.grants.widen(testGrant({ sub }));
    await store.sessions.create(testSession({ sub }), "t1");
    await ask("PATCH /v1/users/eve", { body: { disabled: true } });
    expect((await ask("GET /v1/sessions?user=eve")).json).toEqual({ sessions: [] });
  });
});

describe("Clients", () => {
  beforeEach(fill);

  it("are listed page by page, whichever way they are known, without a hash of a secret", async () => {
    const first = await ask("GET /v1/clients?limit=2");
    const { next } = first.json as unknown as { next: string };
    const second = await ask(`GET /v1/clients?limit=2&after=${encodeURIComponent(next)}`);
    const ids = [first, second].flatMap(({ json }) =>
      (json as unknown as { clients: { client_id: string }[] }).clients.map(({ client_id }) => client_id),
    );
    expect(ids).toEqual(["desk", "editor", DOCUMENT]);
    expect(second.json).not.toHaveProperty("next");
    expect(first.text + second.text).not.toContain("nobody sees");
    const documents = await ask("GET /v1/documents");
    expect(documents.json).toMatchObject({ documents: [{ client_id: DOCUMENT, unlisted: true }] });
  });

  it("a client_id that is a URL is one segment, encoded as a whole", async () => {
    const path = `/v1/clients/${encodeURIComponent(DOCUMENT)}`;
    expect((await ask(`GET ${path}`)).json).toMatchObject({ client_id: DOCUMENT, kind: "document" });
    expect((await ask(`GET /v1/clients/${encodeURIComponent(encodeURIComponent(DOCUMENT))}`)).status).toBe(404);
    expect((await ask(`DELETE ${path}`)).json).toEqual({ registered: false, sessions: 1 });
    expect((await store.sessions.find("s2"))?.revoked).toBe(system.now());
    expect((await store.sessions.find("s1"))?.revoked).toBeUndefined();
  });

  it("one that is revoked is not registered any more", async () => {
    expect((await ask("DELETE /v1/clients/editor")).json).toEqual({ registered: true, sessions: 1 });
    expect((await ask("GET /v1/clients/editor")).status).toBe(404);
  });
});

describe("Grants and sessions", () => {
  beforeEach(fill);

  it("are listed with the person's name, and a session without the key it is bound to", async () => {
    await ask("POST /v1/users", { body: { name: "bob" } });
    const { sub = "" } = (await store.users.findByName("bob")) ?? {};
    await store.grants.widen(testGrant({ id: "bobs", sub }));
    expect((await ask("GET /v1/grants?user=bob")).json).toMatchObject({ grants: [{ id: "bobs", user: "bob" }] });
    const sessions = await ask(`GET /v1/sessions?client_id=${encodeURIComponent(DOCUMENT)}&server=crm`);
    expect(sessions.json).toMatchObject({ sessions: [{ id: "s2", dpop: true }] });
    expect(sessions.text).not.toContain("thumb");
  });

  it("end one by one", async () => {
    expect((await ask("DELETE /v1/sessions/s1")).json).toEqual({ sessions: 1 });
    expect((await ask("DELETE /v1/sessions/s1")).json).toEqual({ sessions: 0 });
    expect((await ask("GET /v1/grants")).text).toContain('"grant"');
    expect((await ask("DELETE /v1/grants/other")).json).toEqual({ sessions: 1 });
    expect((await ask("GET /v1/grants")).text).not.toContain('"other"');
  });

  it.each([
    ["a client", { client_id: "editor" }, 1, []],
    ["a server", { server: "crm" }, 2, []],
    ["before a time that has not come", { issued_before: 1_800_000_001 }, 2, []],
    ["before a time that nothing began before", { issued_before: 1_800_000_000 }, 0, []],
    ["a client before a time", { client_id: DOCUMENT, issued_before: 1_900_000_000 }, 1, []],
    ["everything", { all: true }, 2, ["https://login.example"]],
    ["an external issuer", { issuer: "https://login.example", subject: "s" }, 0, ["https://login.example"]],
  ])("what is cut off: %s", async (_, body, sessions, issuers) => {
    const { json } = await ask("POST /v1/revocations", { body });
    expect(json).toEqual({ sessions, sign_ins: 0, external: issuers.map((issuer) => ({ issuer, known: 0 })) });
  });
});

describe("What is kept of a sign-in at the identity provider", () => {
  const BEFORE = 1_800_000_000;
  const subOf = async (name: string) => (await store.users.findByName(name))?.sub ?? "";
  beforeEach(async () => {
    await fill();
    for (const name of ["ada", "bob"]) await ask("POST /v1/users", { body: { name } });
    const tokens = { access_token: "kept", refresh_token: undefined, expires: undefined };
    const row = { version: "v1", tokens, scopes: [], created: BEFORE, updated: BEFORE };
    for (const sub of [await subOf("ada"), await subOf("bob")]) {
      await store.connections.save({ ...row, sub, connection: SIGN_IN });
      await store.connections.save({ ...row, sub, connection: "mail" });
    }
  });
  const over = async () => (await store.connections.over(SIGN_IN, system.now())).length;

  it.each([
    ["with everything of a person", { user: "ada" }, 1],
    ["with everything", { all: true }, 2],
    ["with all that began before a time", { issued_before: BEFORE + 1 }, 2],
    ["not with what began before a time, where it began later", { user: "ada", issued_before: BEFORE }, 0],
    ["not with what a person granted to one client", { user: "ada", client_id: "editor" }, 0],
    ["not with what a person granted on one server", { user: "ada", server: "crm" }, 0],
    ["not with one session", { session_id: "s1" }, 0],
    ["not with tokens of another server", { issuer: "https://login.example" }, 0],
  ])("ends %s", async (_, body, sign_ins) => {
    expect((await ask("POST /v1/revocations", { body })).json).toMatchObject({ sign_ins });
    expect(await over()).toBe(sign_ins);
    expect(await store.connections.over("mail", system.now())).toEqual([]);
    // Whatever is asked twice has nothing to end any more.
    expect((await ask("POST /v1/revocations", { body })).json).toMatchObject({ sign_ins: 0 });
  });
});

describe("Servers and their tools", () => {
  it("are listed, and a changed tool is accepted once", async () => {
    expect((await ask("GET /v1/servers")).json).toMatchObject({ servers: [{ name: "crm", tools: 2, waiting: 1 }] });
    expect((await ask("GET /v1/servers/crm/tools")).json).toMatchObject({ tools: [{ changed: true }, {}] });
    const accept = "POST /v1/servers/crm/tools/get%2Fcustomer/accept";
    expect((await ask(accept)).json).toMatchObject({ tool: "get/customer", scope: "mcp:read", changed: false });
    expect((await ask(accept)).json).toMatchObject({ changed: false });
    expect((await ask("GET /v1/servers")).json).toMatchObject({ servers: [{ waiting: 0 }] });
  });
});

describe("The description", () => {
  it("has an operation for every row, each with a name of its own, and every reference leads somewhere", async () => {
    const { json, text } = await ask("GET /openapi.json");
    const { paths, components, openapi } = json as unknown as Description & { openapi: string };
    expect(openapi).toMatch(/^3\.1\./);
    const operations = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(operations.sort()).toEqual(ROUTES.map(({ method, path }) => `${method} ${path}`).sort());
    expect(new Set(ROUTES.map(({ name }) => name)).size).toBe(ROUTES.length);
    const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name);
    expect(references.length).toBeGreaterThan(10);
    for (const name of references) expect(components.schemas).toHaveProperty(name ?? "");
    expect(text).not.toContain("#/$defs");
  });

  it("was held against an answer of every operation in these tests", () => {
    expect([...answered].sort()).toEqual(ROUTES.map(({ name }) => name).sort());
  });
});
