import { decodeJwt, decodeProtectedHeader } from "jose";
import * as oauth from "oauth4webapi";
import { expect, test } from "vitest";
import { createTestAuthorizationServer, TEST_ISSUER, TEST_RESOURCE } from "../testing/authorization-server.js";
import { createTestKeys } from "../testing/keys.js";

const REDIRECT = "http://127.0.0.1:4711/callback";

/** A strict client of its own making: everything it receives is checked by oauth4webapi. */
async function setUp(change: Parameters<typeof createTestAuthorizationServer>[0] = {}) {
  const server = await createTestAuthorizationServer(change);
  const options = { [oauth.customFetch]: server.fetch };
  const issuer = new URL(TEST_ISSUER);
  const discover = async (algorithm: "oauth2" | "oidc") =>
    oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { ...options, algorithm }));
  const as = await discover("oauth2");
  const registration = await oauth.dynamicClientRegistrationRequest(
    as,
    { client_name: "Editor", redirect_uris: ["http://127.0.0.1/callback"], token_endpoint_auth_method: "none" },
    options,
  );
  const client: oauth.Client = await oauth.processDynamicClientRegistrationResponse(registration);
  return { server, options, as, client, discover };
}

type SetUp = Awaited<ReturnType<typeof setUp>>;

async function authorize({ server, as, client }: SetUp, scope: string, ticked?: readonly string[]) {
  const code_verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const url = new URL(as.authorization_endpoint ?? "");
  const query = {
    client_id: client.client_id,
    redirect_uri: REDIRECT,
    response_type: "code",
    scope,
    state,
    resource: TEST_RESOURCE,
    code_challenge: await oauth.calculatePKCECodeChallenge(code_verifier),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  const page = await server.fetch(url);
  expect(page.status).toBe(200);
  const answer = await server.browser.submit(
    page,
    { decision: "approve", ...(ticked && { scope: ticked }) },
    TEST_ISSUER,
  );
  expect(answer.status).toBe(303);
  const location = new URL(answer.headers.get("location") ?? "");
  expect(location.href.startsWith(`${REDIRECT}?`)).toBe(true);
  return { parameters: oauth.validateAuthResponse(as, client, location, state), code_verifier };
}

async function redeem(context: SetUp, scope = "mcp:read") {
  const { as, client, options } = context;
  const { parameters, code_verifier } = await authorize(context, scope);
  const additionalParameters = { resource: TEST_RESOURCE };
  const response = await oauth.authorizationCodeGrantRequest(
    as,
    client,
    oauth.None(),
    parameters,
    REDIRECT,
    code_verifier,
    {
      ...options,
      additionalParameters,
    },
  );
  return oauth.processAuthorizationCodeResponse(as, client, response);
}

test("R-60…R-65, R-85, R-89: discovery, registration, consent, code and refresh satisfy a strict client", async () => {
  const context = await setUp();
  const { as, client, options, server } = context;
  const tokens = await redeem(context);
  expect(tokens).toMatchObject({ token_type: "bearer", expires_in: 600, scope: "mcp:read" });
  expect(decodeProtectedHeader(tokens.access_token)).toMatchObject({ alg: "ES256", typ: "at+jwt" });
  const now = server.system.now();
  expect(decodeJwt(tokens.access_token)).toMatchObject({
    iss: TEST_ISSUER,
    aud: TEST_RESOURCE,
    sub: "ada",
    client_id: client.client_id,
    scope: "mcp:read",
    iat: now,
    exp: now + 600,
    auth_time: now - 60,
    sid: expect.any(String),
    jti: expect.any(String),
  });
  const refreshed = await oauth.processRefreshTokenResponse(
    as,
    client,
    await oauth.refreshTokenGrantRequest(as, client, oauth.None(), tokens.refresh_token ?? "", options),
  );
  expect(refreshed.refresh_token).not.toBe(tokens.refresh_token);
  expect(decodeJwt(refreshed.access_token).sid).toBe(decodeJwt(tokens.access_token).sid);
});

test("RFC 7009: revoking either token ends the session, and the refresh token is dead", async () => {
  for (const kind of ["access_token", "refresh_token"] as const) {
    const context = await setUp();
    const { as, client, options } = context;
    const tokens = await redeem(context);
    const revoked = await oauth.revocationRequest(as, client, oauth.None(), tokens[kind] ?? "", options);
    expect(await oauth.processRevocationResponse(revoked)).toBeUndefined();
    const again = await oauth.refreshTokenGrantRequest(as, client, oauth.None(), tokens.refresh_token ?? "", options);
    await expect(oauth.processRefreshTokenResponse(as, client, again)).rejects.toMatchObject({
      error: "invalid_grant",
    });
  }
});

test("a key store that hands out private keys makes a revocation fail: nobody is told that it took place", async () => {
  const keys = await createTestKeys();
  const publicKeys = async () => (await keys.publicKeys()).map((key) => ({ ...key, d: "secret" }));
  const context = await setUp({ keys: { ...keys, publicKeys } });
  const { as, client, options } = context;
  const { access_token } = await redeem(context);
  const revoked = await oauth.revocationRequest(as, client, oauth.None(), access_token, options);
  expect([revoked.status, await revoked.json()]).toMatchObject([500, { error: "server_error" }]);
});

test("a person who ticks more than was asked gives more, and the answer says so", async () => {
  const context = await setUp();
  const { as, client, options } = context;
  const { parameters, code_verifier } = await authorize(context, "mcp:read", ["mcp:read", "mcp:write"]);
  const response = await oauth.authorizationCodeGrantRequest(
    as,
    client,
    oauth.None(),
    parameters,
    REDIRECT,
    code_verifier,
    options,
  );
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, response);
  expect(tokens.scope).toBe("mcp:read mcp:write");
});

test("R-61: both forms of the metadata are one document, and the strict client takes the OpenID form too", async () => {
  const { as, discover } = await setUp();
  expect(await discover("oidc")).toEqual(as);
});
