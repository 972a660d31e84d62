import { describe, expect, test } from "vitest";
import { createTestAuthorizationServer, TEST_ISSUER } from "../testing/authorization-server.js";
import { createTestClient, type TestParameters } from "../testing/client.js";

const WEB = "https://editor.example/callback";

async function setUp(redirect_uri?: string) {
  const server = await createTestAuthorizationServer();
  const client = await createTestClient(server, redirect_uri === undefined ? {} : { redirect_uri });
  return { server, client };
}

/** Title, change, and the reason on the page. Nothing leaves the server, whatever else is right. */
const PAGES: readonly (readonly [title: string, change: TestParameters, reason: string])[] = [
  ["the client_id is missing", { client_id: undefined }, "request_malformed"],
  ["the client_id is unknown", { client_id: "nobody" }, "client_unknown"],
  ["the client_id is an http URL", { client_id: "http://editor.example/client" }, "client_document"],
  ["the client_id came twice", { client_id: ["one", "two"] }, "parameter_repeated"],
  ["the redirect_uri is missing", { redirect_uri: undefined }, "request_malformed"],
  ["the redirect_uri came twice", { redirect_uri: [WEB, "https://evil.example/"] }, "parameter_repeated"],
  ...[
    "https://evil.example/callback",
    "https://editor.example/callback/",
    "https://editor.example/callback/../evil",
    "https://editor.example/callback?added=1",
    "https://editor.example/callback#fragment",
    "https://EDITOR.example/callback",
    "https://editor.example/CALLBACK",
    "https://editor.example:8443/callback",
    "https://editor.example.evil.example/callback",
    "https://sub.editor.example/callback",
    "https://editor.example@evil.example/callback",
    "https://editor.example/callback%00",
    "http://editor.example/callback",
    "//editor.example/callback",
    "/callback",
    "javascript:alert(1)//https://editor.example/callback",
  ].map(
    (redirect_uri) => [`the redirect_uri is ${redirect_uri}`, { redirect_uri }, "redirect_uri_unregistered"] as const,
  ),
];

describe("R-68, R-69, authz-redirect-unvalidated: errors that stay here", () => {
  test.each(PAGES)("%s", async (_, change, reason) => {
    const { client } = await setUp(WEB);
    const answer = await client.authorize(change);
    expect(answer.status).toBe(400);
    expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(answer.headers.get("location")).toBeNull();
    expect(await answer.text()).toContain(`<code>${reason}</code>`);
  });
});

/** Title, change, and the OAuth error that goes to the client with `iss` and `state`. */
const REDIRECTS: readonly (readonly [title: string, change: TestParameters, error: string])[] = [
  ["pkce-optional: no code_challenge", { code_challenge: undefined }, "invalid_request"],
  ["pkce-downgrade: method plain", { code_challenge_method: "plain" }, "invalid_request"],
  ["pkce-downgrade: no method, which would mean plain", { code_challenge_method: undefined }, "invalid_request"],
  ["pkce-downgrade: method s256 in lower case", { code_challenge_method: "s256" }, "invalid_request"],
  ["a challenge that is too short", { code_challenge: "abc" }, "invalid_request"],
  ["a challenge with a character too many", { code_challenge: "a".repeat(44) }, "invalid_request"],
  ["a challenge outside base64url", { code_challenge: `${"a".repeat(42)}=` }, "invalid_request"],
  ["two challenges", { code_challenge: ["a".repeat(43), "b".repeat(43)] }, "invalid_request"],
  ["response_type token", { response_type: "token" }, "unsupported_response_type"],
  ["response_type code id_token", { response_type: "code id_token" }, "unsupported_response_type"],
  ["no response_type", { response_type: undefined }, "unsupported_response_type"],
  ["response_mode fragment", { response_mode: "fragment" }, "invalid_request"],
  ["response_mode form_post", { response_mode: "form_post" }, "invalid_request"],
  ["a request object", { request: "eyJhbGciOiJub25lIn0.e30." }, "request_not_supported"],
  ["a request_uri", { request_uri: "https://editor.example/request" }, "request_uri_not_supported"],
  ["resource-ignored: an unknown resource", { resource: "https://mcp.example/other" }, "invalid_target"],
  ["resource-ignored: a resource below ours", { resource: "https://mcp.example/crm/admin" }, "invalid_target"],
  ["a resource with a fragment", { resource: "https://mcp.example/crm#x" }, "invalid_target"],
  ["a resource that is no URL", { resource: "crm" }, "invalid_target"],
  ["several resources", { resource: ["https://mcp.example/crm", "https://mcp.example/crm"] }, "invalid_target"],
  ["a malformed scope", { scope: 'mcp:read "' }, "invalid_scope"],
  ["scope twice", { scope: ["mcp:read", "mcp:write"] }, "invalid_request"],
  ["an unknown parameter twice", { vendor: ["a", "b"] }, "invalid_request"],
  ["prompt=none with company", { prompt: "none consent" }, "invalid_request"],
  ["prompt=none without consent", { prompt: "none" }, "consent_required"],
];

describe("RFC 6749 §4.1.2.1, R-85: errors that go to the client", () => {
  test.each(REDIRECTS)("%s", async (_, change, error) => {
    const { client } = await setUp();
    const answer = await client.authorize(change);
    expect(answer.status).toBe(303);
    const location = new URL(answer.headers.get("location") ?? "");
    expect(location.origin + location.pathname).toBe(client.redirect_uri);
    expect(Object.fromEntries(location.searchParams)).toEqual({
      error,
      error_description: expect.stringMatching(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/),
      state: "state of the client",
      iss: TEST_ISSUER,
    });
  });

  test("a state that came twice is not sent back, since nobody knows which", async () => {
    const { client } = await setUp();
    const answer = await client.authorize({ state: ["one", "two"] });
    const query = new URL(answer.headers.get("location") ?? "").searchParams;
    expect([query.get("error"), query.get("state")]).toEqual(["invalid_request", null]);
  });

  test("prompt=none with nobody signed in is login_required", async () => {
    const { client, server } = await setUp();
    server.person.user = undefined;
    const answer = await client.authorize({ prompt: "none" });
    expect(new URL(answer.headers.get("location") ?? "").searchParams.get("error")).toBe("login_required");
  });

  test("a client that is registered for other grants is unauthorized_client", async () => {
    const { server } = await setUp();
    const redirect_uri = "https://machine.example/cb";
    await server.options.storage.clients.add({
      metadata: {
        client_id: "machine",
        redirect_uris: [redirect_uri],
        grant_types: ["client_credentials"],
        response_types: [],
        token_endpoint_auth_method: "client_secret_basic",
        application_type: "web",
      },
      origin: "configured",
      secret_hash: "hash",
      created: 0,
      expires: undefined,
    });
    const machine = await createTestClient(server, { client_id: "machine", redirect_uri });
    const query = new URL((await machine.authorize()).headers.get("location") ?? "").searchParams;
    expect(query.get("error")).toBe("unauthorized_client");
  });

  test("a failure of ours is server_error with an id that the log knows, and nothing else", async () => {
    const server = await createTestAuthorizationServer({
      mayBeGranted: async () => {
        throw new Error("store down: secret-detail");
      },
    });
    const client = await createTestClient(server);
    const query = new URL((await client.authorize()).headers.get("location") ?? "").searchParams;
    expect(query.get("error")).toBe("server_error");
    expect(query.toString()).not.toContain("secret-detail");
    const id = /id is ([\w-]+)/.exec(query.get("error_description") ?? "")?.[1];
    expect(JSON.stringify(server.system.lines)).toContain(id);
  });
});

describe("a valid request", () => {
  test.each(["plain", "a b+c%20d&e=f#g", "ümlaut \u{1f600}", '{"json":"{\\"nested\\":true}"}', "x".repeat(4000)])(
    "RFC 6749 §4.1.2: the state %j comes back as it was",
    async (state) => {
      const { client } = await setUp();
      expect((await client.approve({ state })).get("state")).toBe(state);
    },
  );

  test("as-iss-absent-or-wrong, R-85, RFC 9207 §2: the answer has code, state and iss, and nothing else", async () => {
    const { client } = await setUp();
    expect([...(await client.approve()).keys()].sort()).toEqual(["code", "iss", "state"]);
  });

  test("without state there is none in the answer", async () => {
    const { client } = await setUp();
    expect([...(await client.approve({ state: undefined })).keys()].sort()).toEqual(["code", "iss"]);
  });

  test("the query of a registered redirect URI is kept byte for byte", async () => {
    const redirect_uri = "https://editor.example/cb?tenant=a%2Fb&x=1+2";
    const { client, server } = await setUp(redirect_uri);
    const answer = await server.browser.submit(await client.authorize(), { decision: "approve" }, TEST_ISSUER);
    expect(answer.headers.get("location")?.startsWith(`${redirect_uri}&code=`)).toBe(true);
  });

  test.each(["http://127.0.0.1:51234/callback", "http://127.0.0.1/callback", "http://127.0.0.1:1/callback"])(
    "RFC 8252 §7.3: a loopback client answers on any port, here %s",
    async (redirect_uri) => {
      const { client, server } = await setUp("http://127.0.0.1:4711/callback");
      const answer = await server.browser.submit(
        await client.authorize({ redirect_uri }),
        { decision: "approve" },
        TEST_ISSUER,
      );
      expect(answer.headers.get("location")?.startsWith(`${redirect_uri}?code=`)).toBe(true);
    },
  );

  test("R-89: a resource that differs by its last slash or the case of its host is ours", async () => {
    const { client } = await setUp();
    for (const resource of ["https://mcp.example/crm/", "HTTPS://MCP.example/crm"]) {
      const tokens = await client.redeem((await client.approve({ resource })).get("code") ?? "", { resource });
      expect(tokens.status).toBe(200);
    }
  });

  test("a form post is a request too", async () => {
    const { client, server } = await setUp();
    const { searchParams } = new URL(`${TEST_ISSUER}/?${new URLSearchParams({ client_id: client.client_id })}`);
    const answer = await server.fetch(`${TEST_ISSUER}/authorize`, { method: "POST", body: searchParams });
    expect(await answer.text()).toContain("The redirect_uri is missing.");
  });

  test("nobody signed in: to the sign-in pages, which come back to the consent page", async () => {
    const { client, server } = await setUp();
    const { user } = server.person;
    server.person.user = undefined;
    const answer = await client.authorize();
    const returnTo = new URL(answer.headers.get("location") ?? "", TEST_ISSUER).searchParams.get("to") ?? "";
    expect(returnTo).toMatch(/^https:\/\/auth\.example\/consent\?request=[\w-]{43}$/);
    server.person.user = user;
    expect(await (await server.fetch(returnTo)).text()).toContain("wants to use “crm”");
  });
});
