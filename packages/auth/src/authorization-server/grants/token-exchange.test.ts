import { decodeJwt } from "jose";
import * as oauth from "oauth4webapi";
import { describe, expect, test } from "vitest";
import { TOKEN_EXCHANGE_GRANT } from "../../oauth/token-exchange.js";
import { createTestAgents, createTestProofs, secretOf, type TestAgents } from "../../testing/agents.js";
import { describeTestResource, TEST_ISSUER, TEST_RESOURCE } from "../../testing/authorization-server.js";
import type { TestParameters, TestTokens } from "../../testing/client.js";

const BILLING = "https://mcp.example/billing";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
const errorOf = async (answer: Response) => [answer.status, ((await answer.json()) as { error?: string }).error];
const tokensOf = async (answer: Response) => {
  expect(answer.status).toBe(200);
  return (await answer.json()) as TestTokens & { readonly issued_token_type: string };
};
const asActor = (actor_token: string) => ({ actor_token, actor_token_type: ACCESS_TOKEN });

/** `planner` has the person's token; `helper` works for it; `stranger` is configured too. `assistant` lets `planner` act. */
const setUp = () =>
  createTestAgents(["planner", "helper", "stranger", "assistant"], {
    resources: () => [TEST_RESOURCE, BILLING],
    describeResource: async (resource) => describeTestResource(resource),
    mayExchange: (client_id) =>
      client_id === "assistant" ? undefined : { resources: client_id === "helper" ? [BILLING] : [] },
    actorFor: (client_id) => (client_id === "assistant" ? "planner" : undefined),
  });

const helperToken = async (agents: TestAgents) =>
  (await agents.ofClient("helper", { resource: TEST_RESOURCE })).access_token;

describe("RFC 8693: a weaker token", () => {
  test("for oneself has fewer scopes, the same subject, no further actor, and says what it is", async () => {
    const agents = await setUp();
    const { access_token } = await agents.ofPerson("planner", "mcp:write");
    const weaker = await tokensOf(await agents.exchange("planner", access_token, { scope: "mcp:read" }));
    expect(weaker).toMatchObject({ scope: "mcp:read", issued_token_type: ACCESS_TOKEN, token_type: "Bearer" });
    expect(weaker.refresh_token).toBeUndefined();
    const claims = decodeJwt(weaker.access_token);
    expect(claims).toMatchObject({ sub: "ada", client_id: "planner", aud: TEST_RESOURCE });
    expect(claims.act).toBeUndefined();
  });

  test("names its parent session, and dies with it", async () => {
    const agents = await setUp();
    const { access_token } = await agents.ofPerson("planner");
    const { sid } = decodeJwt(access_token);
    const weaker = decodeJwt((await tokensOf(await agents.exchange("planner", access_token))).access_token);
    const { sessions } = agents.server.options.storage;
    expect(await sessions.find(String(weaker.sid))).toMatchObject({ parent_id: sid, revoked: undefined });
    await sessions.revoke({ session_id: String(sid) }, agents.server.system.now());
    expect((await sessions.find(String(weaker.sid)))?.revoked).toBe(agents.server.system.now());
  });

  test("never lives longer than the token it came from", async () => {
    const agents = await setUp();
    const { access_token } = await agents.ofPerson("planner");
    agents.server.system.advance(500);
    const weaker = await tokensOf(await agents.exchange("planner", access_token));
    expect(weaker.expires_in).toBe(100);
    expect(decodeJwt(weaker.access_token).exp).toBe(decodeJwt(access_token).exp);
  });

  test("for a sub-agent shows who acts for whom, link by link, and can be weakened on", async () => {
    const agents = await setUp();
    const { access_token } = await agents.ofPerson("planner", "mcp:write");
    const handed = await tokensOf(
      await agents.exchange("planner", access_token, { ...asActor(await helperToken(agents)), scope: "mcp:read" }),
    );
    const helper = { sub: "helper", client_id: "helper" };
    expect(decodeJwt(handed.access_token)).toMatchObject({ sub: "ada", client_id: "planner", act: helper });
    const strangerToken = (await agents.ofClient("stranger", { resource: TEST_RESOURCE })).access_token;
    const onward = await tokensOf(await agents.exchange("planner", handed.access_token, asActor(strangerToken)));
    const stranger = { sub: "stranger", client_id: "stranger" };
    expect(decodeJwt(onward.access_token).act).toEqual({ ...stranger, act: helper });
    expect(onward.scope).toBe("mcp:read");
  });

  test("§4.4: whom may_act names can act with a token of another client, and is shown", async () => {
    const agents = await setUp();
    const { access_token } = await agents.ofPerson("assistant");
    expect(decodeJwt(access_token).may_act).toEqual({ sub: "planner", client_id: "planner" });
    const acting = await tokensOf(await agents.exchange("planner", access_token));
    expect(decodeJwt(acting.access_token)).toMatchObject({
      sub: "ada",
      client_id: "planner",
      act: { sub: "planner", client_id: "planner" },
    });
  });

  test("for another resource takes the operator's list", async () => {
    const agents = await setUp();
    const { access_token } = await agents.ofPerson("helper", "mcp:read");
    const other = await tokensOf(await agents.exchange("helper", access_token, { resource: BILLING }));
    expect(decodeJwt(other.access_token).aud).toBe(BILLING);
    const own = (await agents.ofPerson("planner")).access_token;
    expect(await errorOf(await agents.exchange("planner", own, { audience: BILLING }))).toEqual([
      400,
      "invalid_target",
    ]);
  });

  test("RFC 7662: introspection says who acts and to which key the token is bound", async () => {
    const agents = await createTestAgents(["planner", "helper"], { introspectedBy: () => [TEST_RESOURCE] });
    const { access_token } = await agents.ofPerson("planner");
    const { access_token: helper } = await agents.ofClient("helper");
    const asked = { grant_type: TOKEN_EXCHANGE_GRANT, subject_token: access_token, subject_token_type: ACCESS_TOKEN };
    const proof = await createTestProofs(agents.server);
    const handed = await tokensOf(await agents.token("planner", { ...asked, ...asActor(helper) }, await proof()));
    const body = new URLSearchParams({
      token: handed.access_token,
      client_id: "planner",
      client_secret: secretOf("planner"),
    });
    const answer = await agents.server.fetch(`${TEST_ISSUER}/introspect`, { method: "POST", body });
    expect(await answer.json()).toMatchObject({
      active: true,
      sub: "ada",
      token_type: "DPoP",
      act: { sub: "helper", client_id: "helper" },
      cnf: decodeJwt(handed.access_token).cnf,
    });
  });

  test("is what oauth4webapi gets", async () => {
    const agents = await setUp();
    const { access_token } = await agents.ofPerson("planner", "mcp:write");
    const options = { [oauth.customFetch]: agents.server.fetch };
    const found = await oauth.discoveryRequest(new URL(TEST_ISSUER), { algorithm: "oauth2", ...options });
    const as = await oauth.processDiscoveryResponse(new URL(TEST_ISSUER), found);
    const client: oauth.Client = { client_id: "planner" };
    const answer = await oauth.genericTokenEndpointRequest(
      as,
      client,
      oauth.ClientSecretBasic(secretOf("planner")),
      "urn:ietf:params:oauth:grant-type:token-exchange",
      { subject_token: access_token, subject_token_type: ACCESS_TOKEN, scope: "mcp:read", resource: TEST_RESOURCE },
      options,
    );
    const tokens = await oauth.processGenericTokenEndpointResponse(as, client, answer);
    expect(tokens).toMatchObject({ scope: "mcp:read", token_type: "bearer" });
  });
});

describe("exchange-widen: nothing is gained", () => {
  test.each([
    ["a wider scope", { scope: "mcp:read mcp:write" }, "invalid_scope"],
    ["a scope of nobody's", { scope: "admin" }, "invalid_scope"],
    ["an unknown resource", { resource: "https://evil.example/mcp" }, "invalid_target"],
    ["two resources", { resource: [TEST_RESOURCE, BILLING] }, "invalid_target"],
    ["resource and audience that differ", { resource: TEST_RESOURCE, audience: BILLING }, "invalid_target"],
    ["a refresh token", { requested_token_type: "urn:ietf:params:oauth:token-type:refresh_token" }, "invalid_request"],
    ["an ID token as subject", { subject_token_type: "urn:ietf:params:oauth:token-type:id_token" }, "invalid_request"],
    ["a type without its token", { actor_token_type: ACCESS_TOKEN }, "invalid_request"],
    ["a subject that is no token", { subject_token: "x" }, "invalid_request"],
  ] satisfies [string, TestParameters, string][])("%s is refused", async (_, change, error) => {
    const agents = await setUp();
    const { access_token } = await agents.ofPerson("planner", "mcp:read");
    expect(await errorOf(await agents.exchange("planner", access_token, change))).toEqual([400, error]);
  });

  test("a client that came by another's token cannot use it, with or without an actor", async () => {
    const agents = await setUp();
    const { access_token } = await agents.ofPerson("planner");
    for (const change of [{}, asActor(await helperToken(agents))]) {
      expect(await errorOf(await agents.exchange("helper", access_token, change))).toEqual([400, "invalid_request"]);
    }
    // Not even with a token of the client that owns it as its actor.
    const owner = (await agents.ofClient("planner", { resource: TEST_RESOURCE })).access_token;
    expect(await errorOf(await agents.exchange("stranger", access_token, asActor(owner)))).toEqual([
      400,
      "invalid_request",
    ]);
  });

  test("may_act holds for the owner's choice of an actor too", async () => {
    const agents = await createTestAgents(["assistant", "helper"], { actorFor: () => "planner" });
    const { access_token } = await agents.ofPerson("assistant");
    const { access_token: helper } = await agents.ofClient("helper");
    expect(await errorOf(await agents.exchange("assistant", access_token, asActor(helper)))).toEqual([
      400,
      "invalid_request",
    ]);
    expect((await agents.exchange("assistant", access_token)).status).toBe(200);
  });

  test("a person's token, or one with an actor, is no actor", async () => {
    const agents = await setUp();
    const { access_token } = await agents.ofPerson("planner");
    expect(await errorOf(await agents.exchange("planner", access_token, asActor(access_token)))).toEqual([
      400,
      "invalid_request",
    ]);
  });

  test("clients without the permission, self-registered or public ones do not exchange", async () => {
    const agents = await setUp();
    const { access_token } = await agents.ofPerson("assistant");
    expect(await errorOf(await agents.exchange("assistant", access_token))).toEqual([400, "unauthorized_client"]);
    expect(await errorOf(await agents.exchange("nobody", access_token))).toEqual([401, "invalid_client"]);
  });

  test("a token that ended, expired or lost its entitlement gives nothing", async () => {
    const agents = await setUp();
    const { storage } = agents.server.options;
    const ended = (await agents.ofPerson("planner")).access_token;
    await storage.sessions.revoke({ session_id: String(decodeJwt(ended).sid) }, agents.server.system.now());
    expect(await errorOf(await agents.exchange("planner", ended))).toEqual([400, "invalid_request"]);
    const { access_token } = await agents.ofPerson("planner");
    agents.entitlements.set("ada", []);
    expect(await errorOf(await agents.exchange("planner", access_token))).toEqual([400, "invalid_grant"]);
    agents.entitlements.delete("ada");
    agents.server.system.advance(600);
    expect(await errorOf(await agents.exchange("planner", access_token))).toEqual([400, "invalid_request"]);
  });

  test("a token that is bound to a key is exchanged with a proof by that key alone", async () => {
    const agents = await setUp();
    const [key, thief] = [await createTestProofs(agents.server), await createTestProofs(agents.server)];
    const asked = { grant_type: "client_credentials", resource: TEST_RESOURCE };
    const { access_token } = await tokensOf(await agents.token("planner", asked, await key()));
    const exchange = (headers: Record<string, string> = {}) =>
      agents.token(
        "planner",
        { grant_type: TOKEN_EXCHANGE_GRANT, subject_token: access_token, subject_token_type: ACCESS_TOKEN },
        headers,
      );
    expect(await errorOf(await exchange())).toEqual([400, "invalid_request"]);
    expect(await errorOf(await exchange(await thief()))).toEqual([400, "invalid_request"]);
    const weaker = await tokensOf(await exchange(await key()));
    expect(decodeJwt(weaker.access_token).cnf).toEqual(decodeJwt(access_token).cnf);
  });

  test("four may act one after the other, and no fifth; weakening for oneself ends after four times too", async () => {
    const agents = await setUp();
    let { access_token } = await agents.ofPerson("planner");
    const statuses: number[] = [];
    for (let link = 0; link < 5; link += 1) {
      const answer = await agents.exchange("planner", access_token, asActor(await helperToken(agents)));
      statuses.push(answer.status);
      if (answer.ok) ({ access_token } = (await answer.json()) as TestTokens);
    }
    expect(statuses).toEqual([200, 200, 200, 200, 400]);
    expect(await errorOf(await agents.exchange("planner", access_token))).toEqual([400, "invalid_request"]);
  });
});
