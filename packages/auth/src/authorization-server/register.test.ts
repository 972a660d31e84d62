import { describe, expect, test } from "vitest";
import { createTestAuthorizationServer, TEST_ISSUER } from "../testing/authorization-server.js";
import { createTestClient } from "../testing/client.js";

type Change = Parameters<typeof createTestAuthorizationServer>[0];
type Answer = Record<string, unknown>;

async function setUp(change: Change = {}) {
  const server = await createTestAuthorizationServer(change);
  const send = (body: BodyInit, headers: HeadersInit = { "content-type": "application/json" }) =>
    server.fetch(`${TEST_ISSUER}/register`, { method: "POST", body, headers });
  const register = async (metadata: object) => {
    const answer = await send(JSON.stringify({ redirect_uris: ["http://127.0.0.1/cb"], ...metadata }));
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Answer };
  };
  return { server, send, register };
}

describe("R-83, RFC 7591 §3.2.1: what is registered", () => {
  test("a public client gets an id and no secret, and the answer says what holds", async () => {
    const { register, server } = await setUp();
    const metadata = {
      client_name: "Editor",
      token_endpoint_auth_method: "none",
      scope: "mcp:read",
      software_id: "ignored",
    };
    const { status, headers, body } = await register(metadata);
    expect([status, headers.get("cache-control")]).toEqual([201, "no-store"]);
    expect(body).toEqual({
      client_id: expect.stringMatching(/^[\w-]{22}$/),
      client_id_issued_at: server.system.now(),
      client_name: "Editor",
      scope: "mcp:read",
      redirect_uris: ["http://127.0.0.1/cb"],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
      application_type: "native",
    });
  });

  test("dcr-shared-secret: each confidential client has its own id and its own secret, kept as a hash", async () => {
    const { register, server } = await setUp();
    const [one, two] = [await register({}), await register({})];
    expect(one.body.client_secret).not.toBe(two.body.client_secret);
    expect(one.body.client_id).not.toBe(two.body.client_id);
    expect(one.body).toMatchObject({ token_endpoint_auth_method: "client_secret_basic", client_secret_expires_at: 0 });
    const record = await server.options.storage.clients.find(String(one.body.client_id), server.system.now());
    expect(JSON.stringify(record)).not.toContain(String(one.body.client_secret));
    expect(JSON.stringify(server.system.lines)).not.toContain(String(one.body.client_secret));
  });

  test("dcr-unbounded: an unused registration goes after a day; one with a live grant stays", async () => {
    const { server } = await setUp();
    const [used, unused] = [await createTestClient(server), await createTestClient(server)];
    await used.connect();
    server.system.advance(86_400);
    expect((await used.authorize()).status).toBe(200);
    expect(await (await unused.authorize()).text()).toContain("<code>client_unknown</code>");
  });
});

/** dcr-open-any-redirect, dcr-script-scheme: no registration may hold one of these, nor be saved by a good one beside it. */
const HOSTILE: readonly string[] = [
  "javascript:alert(1)",
  "JavaScript:alert(1)",
  "java\tscript:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "vbscript:x",
  "file:///etc/passwd",
  "blob:https://editor.example/x",
  "https://editor.example/cb#fragment",
  "https://user@editor.example/cb",
  "https://*.example/cb",
  "https://editor.example/../cb",
  "https://editor.example/%2e%2e/cb",
  "https://editor.example\\@evil.example/cb",
  "https:///cb",
  "",
];

/** Of no use, but no attack: left out when something useful remains. */
const USELESS: readonly string[] = ["http://editor.example/cb", "http://192.168.1.5/cb", "unheard-of://cb"];

describe("redirect URIs", () => {
  test.each(HOSTILE)("dcr-script-scheme, dcr-open-any-redirect: %j is refused, alone and in company", async (uri) => {
    const { register } = await setUp();
    for (const redirect_uris of [[uri], ["https://editor.example/cb", uri]]) {
      const { status, body } = await register({ redirect_uris });
      expect([status, body.error]).toEqual([400, "invalid_redirect_uri"]);
      expect(body.error_description).toContain(`redirect_uris[${redirect_uris.length - 1}] `);
    }
  });

  test.each(USELESS)("%j is left out when others remain, and refused alone", async (uri) => {
    const { register } = await setUp();
    const { status, body } = await register({ redirect_uris: ["http://localhost:8787/callback", uri] });
    expect([status, body.redirect_uris]).toEqual([201, ["http://localhost:8787/callback"]]);
    expect((await register({ redirect_uris: [uri] })).body.error).toBe("invalid_redirect_uri");
  });

  test("a known scheme without a dot is registered", async () => {
    const { register } = await setUp({ registration: { dynamic: true, documents: "off", knownSchemes: ["cursor"] } });
    const redirect_uris = [
      "cursor://anysphere.cursor-mcp/oauth/callback",
      "https://www.cursor.com/agents/mcp/oauth/callback",
    ];
    expect((await register({ redirect_uris })).body.redirect_uris).toEqual(redirect_uris);
  });

  test.each([
    "cursor.evil:/cb",
    "cursor.com://cb",
    "cursor-mcp://cb",
    "curs\u043er://cb",
    "javascript.example:/alert",
    "https.example:/cb",
    "Cursor://cb",
  ])("dcr-script-scheme: %j, which looks like another's, is not registered", async (uri) => {
    const { register } = await setUp({ registration: { dynamic: true, documents: "off", knownSchemes: ["cursor"] } });
    const alone = await register({ redirect_uris: [uri] });
    expect([alone.status, alone.body.error]).toEqual([400, "invalid_redirect_uri"]);
    const among = await register({ redirect_uris: ["cursor://anysphere.cursor-mcp/cb", uri] });
    expect(among.body.redirect_uris ?? []).not.toContain(uri);
  });

  test.each([
    undefined,
    null,
    [],
    "https://editor.example/cb",
    [1],
    Array.from({ length: 21 }, () => "http://127.0.0.1/"),
  ])("redirect_uris %j is refused", async (redirect_uris) => {
    const { register } = await setUp();
    expect((await register({ redirect_uris })).body.error).toBe("invalid_redirect_uri");
  });
});

describe("other members", () => {
  test("every problem is named at once", async () => {
    const { register } = await setUp();
    const { status, body } = await register({
      client_name: 7,
      client_uri: "javascript:alert(1)",
      logo_uri: "data:image/png;base64,AAAA",
      scope: "a  b",
      grant_types: ["password"],
      response_types: ["token"],
      token_endpoint_auth_method: "tls_client_auth",
      application_type: "mainframe",
    });
    expect([status, body.error]).toEqual([400, "invalid_client_metadata"]);
    for (const member of [
      "client_name",
      "client_uri",
      "logo_uri",
      "scope",
      "grant_types",
      "response_types",
      "token_endpoint_auth_method",
      "application_type",
    ]) {
      expect(body.error_description).toContain(`${member} must`);
    }
  });

  test.each([
    [["http://localhost/cb"], undefined, "native"],
    [["com.example.editor:/cb"], undefined, "native"],
    [["https://editor.example/cb"], undefined, "web"],
    [["https://editor.example/cb", "http://localhost/cb"], undefined, "web"],
    [["http://localhost/cb"], "web", "web"],
  ])("R-84: application_type of %j, said to be %s, is %s", async (redirect_uris, application_type, expected) => {
    const { register } = await setUp();
    const { body } = await register({ redirect_uris, application_type });
    expect(body.application_type).toBe(expected);
  });

  test("grants that nobody can use here are left out", async () => {
    const { register } = await setUp();
    const { body } = await register({ grant_types: ["authorization_code", "implicit", "client_credentials"] });
    expect(body.grant_types).toEqual(["authorization_code"]);
  });

  test("a secret that the client brings is ignored", async () => {
    const { register } = await setUp();
    const { body } = await register({ client_id: "mine", client_secret: "mine", token_endpoint_auth_method: "none" });
    expect(body.client_id).not.toBe("mine");
    expect(body.client_secret).toBeUndefined();
  });
});

describe("the endpoint", () => {
  test("dcr-unbounded: a quota per address and hour, then 429 with Retry-After", async () => {
    let address = "192.0.2.1";
    const registration = { dynamic: true, documents: "off", perHour: 2 } as const;
    const { register, server } = await setUp({ registration, remoteAddress: () => address });
    expect([(await register({})).status, (await register({})).status]).toEqual([201, 201]);
    server.system.advance(600);
    const refused = await register({});
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "3000"]);
    address = "192.0.2.2";
    expect((await register({})).status).toBe(201);
    address = "192.0.2.1";
    server.system.advance(3000);
    expect((await register({})).status).toBe(201);
  });

  test("no header moves a caller into another quota", async () => {
    const registration = { dynamic: true, documents: "off", perHour: 1 } as const;
    const { send } = await setUp({ registration });
    const body = JSON.stringify({ redirect_uris: ["http://127.0.0.1/cb"] });
    const type = { "content-type": "application/json" };
    expect((await send(body, type)).status).toBe(201);
    for (const header of ["x-forwarded-for", "forwarded", "x-real-ip"]) {
      expect((await send(body, { ...type, [header]: "192.0.2.9" })).status).toBe(429);
    }
  });

  test.each([
    ["not JSON", "{", "application/json", 400],
    ["not an object", "[]", "application/json", 400],
    ["null", "null", "application/json", 400],
    ["a form", "redirect_uris=x", "application/x-www-form-urlencoded", 415],
    ["more than 64 KB", JSON.stringify({ pad: "x".repeat(65_536) }), "application/json", 413],
  ])("%s is refused", async (_, body, type, status) => {
    const { send } = await setUp();
    const answer = await send(body, { "content-type": type });
    expect(answer.status).toBe(status);
    expect(((await answer.json()) as Answer).error).toMatch(/^invalid_/);
  });

  test("switched off, it is neither served nor advertised", async () => {
    const { server, send } = await setUp({ registration: { dynamic: false, documents: "off" } });
    expect((await send("{}")).status).toBe(404);
    const metadata = (await (
      await server.fetch(`${TEST_ISSUER}/.well-known/oauth-authorization-server`)
    ).json()) as Answer;
    expect(metadata.registration_endpoint).toBeUndefined();
    expect(metadata.client_id_metadata_document_supported).toBeUndefined();
  });
});
