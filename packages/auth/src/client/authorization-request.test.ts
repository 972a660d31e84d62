import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createTestAgents, secretOf } from "../testing/agents.js";
import { TEST_RESOURCE } from "../testing/authorization-server.js";
import { createAuthorizationRequest, readAuthorizationAnswer } from "./authorization-request.js";
import { discoverAuthorizationServer, type ServerMetadata } from "./discover.js";
import { authorizationCodeGrant, refreshTokenGrant } from "./grants.js";
import { createTokenEndpoint } from "./token-endpoint.js";

const metadata: ServerMetadata = {
  issuer: "https://as.example",
  token_endpoint: "https://as.example/token",
  authorization_endpoint: "https://as.example/authorize?tenant=1",
  code_challenge_methods_supported: ["S256"],
};

async function ask(change: Partial<ServerMetadata> = {}) {
  const { system } = (await createTestAgents([])).server;
  return createAuthorizationRequest({
    metadata: { ...metadata, ...change },
    client_id: "app",
    redirect_uri: "https://app.example/cb",
    scope: "a",
    extra: { prompt: "consent", state: "mine" },
    system,
  });
}

describe("an authorization request", () => {
  test("keeps what the endpoint has, and replaces nothing of its own by what is extra (R-116)", async () => {
    const { url, pending } = await ask();
    const query = new URL(url).searchParams;
    expect(query.get("tenant")).toBe("1");
    expect(query.getAll("state")).toEqual([pending.state]);
    expect([query.get("prompt"), query.get("code_challenge_method")]).toEqual(["consent", "S256"]);
    expect(url).not.toContain(pending.code_verifier);
  });

  test.each([
    ["says nothing of PKCE", { code_challenge_methods_supported: undefined }],
    ["knows only plain", { code_challenge_methods_supported: ["plain"] }],
    ["has no endpoint for it", { authorization_endpoint: undefined }],
  ])("is not made for a server that %s (R-111)", async (_, change) => {
    await expect(ask(change as Partial<ServerMetadata>)).rejects.toMatchObject({ reason: "server_metadata_refused" });
  });
});

describe("the answer to it", () => {
  const answer = async (change: Readonly<Record<string, string | undefined>>, more: Partial<ServerMetadata> = {}) => {
    const { pending } = await ask(more);
    const members = { code: "c", state: pending.state, ...change };
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(members)) if (value !== undefined) query.set(name, value);
    return () => readAuthorizationAnswer(query, pending);
  };
  const ADVERTISED = { authorization_response_iss_parameter_supported: true };

  test("gives the code", async () => {
    expect((await answer({}))()).toBe("c");
    expect((await answer({ iss: "https://as.example" }, ADVERTISED))()).toBe("c");
  });

  test.each([
    ["another issuer", { iss: "https://as.example/" }, {}],
    ["no issuer, where the server sends one", {}, ADVERTISED],
    ["another state", { state: "x" }, {}],
    ["no state", { state: undefined }, {}],
    ["an error", { error: "access_denied" }, {}],
    ["no code", { code: undefined }, {}],
  ])("with %s is refused (client-mixup, R-115, R-116)", async (_, change, more) => {
    expect(await answer(change, more)).toThrow(/authorization_answer_refused/);
  });

  test("of another issuer does not get its words into our message (R-115)", async () => {
    const read = await answer({ iss: "https://evil.example", error: "Click here" });
    expect(read).toThrow(/^(?!.*Click)/);
  });

  test("is never taken from anything but the whole of it", async () => {
    const { pending } = await ask();
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom("code", "state", "iss", "error"), fc.string())), (pairs) => {
        expect(() => readAuthorizationAnswer(new URLSearchParams(pairs), pending)).toThrow(/refused/);
      }),
    );
  });
});

test("the whole way works at our own authorization server: discovery, code with PKCE, refresh", async () => {
  const { server } = await createTestAgents(["app"]);
  const found = await discoverAuthorizationServer(server.issuer, { fetch: server.fetch });
  const redirect_uri = "https://app.example/callback";
  const { url, pending } = await createAuthorizationRequest({
    ...{ metadata: found, client_id: "app", redirect_uri, scope: "mcp:read", resource: TEST_RESOURCE },
    system: server.system,
  });
  const page = await server.fetch(url);
  const answered = await server.browser.submit(page, { decision: "approve" }, server.issuer);
  const code = readAuthorizationAnswer(new URL(answered.headers.get("location") ?? "").searchParams, pending);
  const endpoint = createTokenEndpoint({
    token_endpoint: found.token_endpoint,
    client: { method: "client_secret_basic", client_id: "app", client_secret: secretOf("app") },
    fetch: server.fetch,
    system: server.system,
  });
  const { code_verifier } = pending;
  const first = await endpoint.request(
    authorizationCodeGrant({ code, redirect_uri, code_verifier, resource: TEST_RESOURCE }),
  );
  expect(first).toMatchObject({ token_type: "Bearer", scope: "mcp:read", expires: server.system.now() + 600 });
  const second = await endpoint.request(refreshTokenGrant({ refresh_token: first.refresh_token ?? "" }));
  expect(second.access_token).not.toBe(first.access_token);
});
