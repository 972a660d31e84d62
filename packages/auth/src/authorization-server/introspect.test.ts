import { decodeJwt } from "jose";
import * as oauth from "oauth4webapi";
import { describe, expect, test } from "vitest";
import { sha256 } from "../oauth/digest.js";
import { createTestAgents, secretOf } from "../testing/agents.js";
import { createTestAuthorizationServer, TEST_ISSUER, TEST_RESOURCE } from "../testing/authorization-server.js";
import { createTestClient } from "../testing/client.js";
import type { ClientRecord } from "./storage.js";

const OTHER = "https://mcp.example/wiki";

/** Two resource servers with a secret each, one for each resource, and a client of the first. */
async function setUp() {
  const server = await createTestAuthorizationServer({
    resources: () => [TEST_RESOURCE, OTHER],
    introspectedBy: (client_id) => ({ crm: [TEST_RESOURCE], wiki: [OTHER] })[client_id] ?? [],
  });
  for (const client_id of ["crm", "wiki", "stranger"]) {
    const metadata: ClientRecord["metadata"] = {
      client_id,
      redirect_uris: [],
      grant_types: [],
      response_types: [],
      token_endpoint_auth_method: "client_secret_basic",
      application_type: "web",
    };
    const secret_hash = await sha256("secret");
    await server.options.storage.clients.add({
      metadata,
      origin: "configured",
      secret_hash,
      created: 0,
      expires: undefined,
    });
  }
  const options = { [oauth.customFetch]: server.fetch };
  const issuer = new URL(TEST_ISSUER);
  const discovery = await oauth.discoveryRequest(issuer, { ...options, algorithm: "oauth2" });
  const as = await oauth.processDiscoveryResponse(issuer, discovery);
  const ask = async (client_id: string, token: string, secret = "secret") => {
    const authentication = oauth.ClientSecretBasic(secret);
    const answer = await oauth.introspectionRequest(as, { client_id }, authentication, token, options);
    return oauth.processIntrospectionResponse(as, { client_id }, answer);
  };
  const client = await createTestClient(server);
  return { server, client, as, ask, tokens: await client.connect() };
}

describe("RFC 7662: introspection", () => {
  test("a resource server learns what it may know of a token for it", async () => {
    const { ask, tokens, client, as, server } = await setUp();
    expect(as.introspection_endpoint_auth_methods_supported).not.toContain("none");
    // RFC 8414 §2: MUST be there where private_key_jwt is.
    expect(as.introspection_endpoint_auth_methods_supported).toContain("private_key_jwt");
    expect(as.introspection_endpoint_auth_signing_alg_values_supported).toContain("ES256");
    const now = server.system.now();
    expect(await ask("crm", tokens.access_token)).toEqual({
      active: true,
      iss: TEST_ISSUER,
      sub: "ada",
      aud: TEST_RESOURCE,
      client_id: client.client_id,
      scope: "mcp:read",
      token_type: "Bearer",
      iat: now,
      exp: now + 600,
      jti: expect.any(String),
      sid: expect.any(String),
    });
  });

  test("§4: another resource's token, a stranger's question, refresh tokens and nonsense are inactive and no more", async () => {
    const { ask, tokens } = await setUp();
    const inactive = { active: false };
    expect(await ask("wiki", tokens.access_token)).toEqual(inactive);
    expect(await ask("stranger", tokens.access_token)).toEqual(inactive);
    expect(await ask("crm", tokens.refresh_token ?? "")).toEqual(inactive);
    expect(await ask("crm", "nonsense")).toEqual(inactive);
  });

  test("a revoked session and an expired token are inactive at once", async () => {
    const { ask, tokens, server } = await setUp();
    await server.options.storage.sessions.revoke({ sub: "ada" }, server.system.now());
    expect(await ask("crm", tokens.access_token)).toEqual({ active: false });
    const second = await setUp();
    second.server.system.advance(600);
    expect(await second.ask("crm", second.tokens.access_token)).toEqual({ active: false });
  });

  test("a change of entitlement bites here too: less is said, and nothing of somebody who may have nothing", async () => {
    const { ask, client, server } = await setUp();
    const { access_token } = await client.connect("mcp:write");
    expect(await ask("crm", access_token)).toMatchObject({ active: true, scope: "mcp:write" });
    server.person.entitlement = ["mcp:read"];
    expect(await ask("crm", access_token)).toMatchObject({ active: true, scope: "mcp:read" });
    server.person.entitlement = [];
    expect(await ask("crm", access_token)).toEqual({ active: false });
  });

  /** Somebody who may ask about tokens of its own resource, and get some. */
  async function planner(lifetimes: { readonly accessToken: number; readonly sessionIdle: number }) {
    const agents = await createTestAgents(["planner"], { lifetimes, introspectedBy: () => [TEST_RESOURCE] });
    const isActive = async (token: string) => {
      const form = { token, client_id: "planner", client_secret: secretOf("planner") };
      const init = { method: "POST", body: new URLSearchParams(form) };
      const answer = await agents.server.fetch(`${TEST_ISSUER}/introspect`, init);
      return ((await answer.json()) as { active: boolean }).active;
    };
    return { agents, isActive, system: agents.server.system, sessions: agents.server.options.storage.sessions };
  }

  test("without the consent behind it a token is inactive, also where a cut-off by time left its session", async () => {
    const { agents, isActive, system, sessions } = await planner({ accessToken: 600, sessionIdle: 86_400 });
    await agents.ofClient("planner");
    system.advance(100);
    const { access_token } = await agents.ofClient("planner");
    expect(await isActive(access_token)).toBe(true);
    await sessions.revoke({ issued_before: system.now() - 50 }, system.now());
    const { sid } = decodeJwt<{ sid: string }>(access_token);
    expect([(await sessions.find(sid))?.revoked, await isActive(access_token)]).toEqual([undefined, false]);
  });

  test("a session that nobody refreshed in time is inactive, and so is what was exchanged from it", async () => {
    const { agents, isActive, system } = await planner({ accessToken: 600, sessionIdle: 300 });
    const { access_token } = await agents.ofPerson("planner");
    const weaker = (await (await agents.exchange("planner", access_token)).json()) as { access_token: string };
    expect([await isActive(access_token), await isActive(weaker.access_token)]).toEqual([true, true]);
    system.advance(300);
    expect([await isActive(access_token), await isActive(weaker.access_token)]).toEqual([false, false]);
  });

  test("nobody is answered who has not proved who they are", async () => {
    const { ask, tokens, client, server } = await setUp();
    await expect(ask("crm", tokens.access_token, "wrong")).rejects.toThrow();
    const body = new URLSearchParams({ client_id: client.client_id, token: tokens.access_token });
    const answer = await server.fetch(`${TEST_ISSUER}/introspect`, { method: "POST", body });
    expect(answer.status).toBe(401);
  });

  test("without the option there is no such endpoint", async () => {
    const server = await createTestAuthorizationServer();
    expect((await server.fetch(`${TEST_ISSUER}/introspect`, { method: "POST" })).status).toBe(404);
  });
});
