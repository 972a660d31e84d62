import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { describe, expect, test } from "vitest";
import { createTestAuthorizationServer, TEST_ISSUER } from "../testing/authorization-server.js";
import { createTestClient, type TestParameters } from "../testing/client.js";
import type { AuthorizationServerOptions } from "./contract.js";

const CLIENT_ID = "https://agent.example/client.json";
const REDIRECT = "https://agent.example/callback";
const TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

async function setUp(
  keysAt: "jwks" | "jwks_uri" = "jwks",
  change: Pick<AuthorizationServerOptions, "acceptTokenEndpointAudience"> = {},
) {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  const jwks = { keys: [await exportJWK(publicKey)] };
  const documents: Record<string, unknown> = {
    [CLIENT_ID]: {
      client_id: CLIENT_ID,
      redirect_uris: [REDIRECT],
      token_endpoint_auth_method: "private_key_jwt",
      ...(keysAt === "jwks" ? { jwks } : { jwks_uri: "https://agent.example/jwks" }),
    },
    "https://agent.example/jwks": jwks,
  };
  const server = await createTestAuthorizationServer({
    fetchDocument: async (url) => ({
      status: 200,
      headers: new Headers({ "content-type": "application/json" }),
      body: new TextEncoder().encode(JSON.stringify(documents[url])),
    }),
    ...change,
  });
  const client = await createTestClient(server, { client_id: CLIENT_ID, redirect_uri: REDIRECT });
  const now = server.system.now();
  const sign = (claims: Record<string, unknown> = {}, key = privateKey, alg = "ES256") =>
    new SignJWT({ iss: CLIENT_ID, sub: CLIENT_ID, aud: TEST_ISSUER, jti: "1", iat: now, exp: now + 60, ...claims })
      .setProtectedHeader({ alg })
      .sign(key);
  const redeem = async (client_assertion: string | undefined, change: TestParameters = {}) => {
    const code = (await client.approve()).get("code") ?? "";
    return client.redeem(code, { client_assertion, client_assertion_type: TYPE, ...change });
  };
  return { server, client, sign, redeem, now };
}

describe("R-79, RFC 7523 §3: a client that proves its key", () => {
  test.each(["jwks", "jwks_uri"] as const)("with keys in %s", async (keysAt) => {
    const { sign, redeem } = await setUp(keysAt);
    expect((await redeem(await sign())).status).toBe(200);
    expect((await redeem(await sign({ jti: "2", aud: [`${TEST_ISSUER}/`] }), { client_id: undefined })).status).toBe(
      200,
    );
  });

  test("declared, it is needed: neither nothing nor a secret will do", async () => {
    const { redeem } = await setUp();
    expect((await redeem(undefined, { client_assertion_type: undefined })).status).toBe(401);
    expect((await redeem(undefined, { client_secret: "x" })).status).toBe(401);
  });

  test("the token endpoint as audience is for those whom the operator lets write it", async () => {
    const toEndpoint = { aud: `${TEST_ISSUER}/token` };
    const others = await setUp("jwks", { acceptTokenEndpointAudience: (client_id) => client_id !== CLIENT_ID });
    expect((await others.redeem(await others.sign(toEndpoint))).status).toBe(401);
    const its = await setUp("jwks", { acceptTokenEndpointAudience: (client_id) => client_id === CLIENT_ID });
    expect((await its.redeem(await its.sign(toEndpoint))).status).toBe(200);
    expect((await its.redeem(await its.sign({ aud: [TEST_ISSUER, toEndpoint.aud], jti: "2" }))).status).toBe(401);
  });

  test("an assertion is good once", async () => {
    const { sign, redeem } = await setUp();
    const assertion = await sign();
    expect([(await redeem(assertion)).status, (await redeem(assertion)).status]).toEqual([200, 401]);
  });

  const now = 1_800_000_000;
  const wrong: readonly (readonly [string, Record<string, unknown>, TestParameters])[] = [
    ["another issuer", { iss: "https://evil.example/client.json" }, {}],
    ["another subject", { sub: "https://evil.example/client.json" }, {}],
    ["another audience", { aud: "https://other.example" }, {}],
    ["several audiences", { aud: [TEST_ISSUER, "https://other.example"] }, {}],
    ["no audience", { aud: undefined }, {}],
    ["expired", { exp: now - 61 }, {}],
    ["good for a day", { exp: now + 86_400 }, {}],
    ["no exp", { exp: undefined }, {}],
    ["exp as text", { exp: "9999999999" }, {}],
    ["from the future", { iat: now + 61 }, {}],
    ["not valid yet", { nbf: now + 61 }, {}],
    ["no jti", { jti: undefined }, {}],
    ["a jti that is no text", { jti: 7 }, {}],
    [
      "another assertion type",
      {},
      { client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:saml2-bearer" },
    ],
    ["another client_id beside it", {}, { client_id: "https://evil.example/client.json" }],
  ];
  test.each(wrong)("%s is invalid_client", async (_, claims, change) => {
    const { sign, redeem } = await setUp();
    const answer = await redeem(await sign(claims), change);
    expect([answer.status, ((await answer.json()) as { error: string }).error]).toEqual([401, "invalid_client"]);
  });

  test("another key, a symmetric one, none, and what is no JWT are invalid_client", async () => {
    const { sign, redeem } = await setUp();
    const { privateKey } = await generateKeyPair("ES256");
    const [, claims] = (await sign()).split(".");
    const none = `${btoa('{"alg":"none"}').replace(/=/g, "")}.${claims}.`;
    const symmetric = await sign({}, new TextEncoder().encode("x".repeat(32)) as never, "HS256");
    for (const assertion of [await sign({}, privateKey), symmetric, none, "x.y.z", "x"]) {
      expect((await redeem(assertion)).status).toBe(401);
    }
  });

  test("an assertion beside a secret is two ways at once", async () => {
    const { sign, redeem } = await setUp();
    expect((await redeem(await sign(), { client_secret: "x" })).status).toBe(400);
  });
});
