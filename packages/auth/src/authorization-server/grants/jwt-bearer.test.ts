import { decodeJwt } from "jose";
import * as oauth from "oauth4webapi";
import { describe, expect, test } from "vitest";
import { JWT_BEARER_GRANT } from "../../oauth/assertion.js";
import { createTestAgents, createTestAssertionIssuer, secretOf } from "../../testing/agents.js";
import { describeTestResource, TEST_ISSUER, TEST_RESOURCE } from "../../testing/authorization-server.js";
import { createTestClient, type TestParameters, type TestTokens } from "../../testing/client.js";

const IDP = "https://login.acme.example";
const CLUSTER = "https://oidc.cluster.example/id/1";
const GITHUB = "https://token.actions.githubusercontent.com";
const SPIRE = "https://spire.example";
const BILLING = "https://mcp.example/billing";
type Claims = Readonly<Record<string, unknown>>;
const errorOf = async (answer: Response) => [answer.status, ((await answer.json()) as { error?: string }).error];
const tokensOf = async (answer: Response) => {
  expect(answer.status).toBe(200);
  return (await answer.json()) as TestTokens;
};

/** RSA keys take long to make. */
const issuers = Promise.all([IDP, CLUSTER, GITHUB, SPIRE].map(createTestAssertionIssuer));

async function setUp() {
  const [idp, cluster, github, spire] = await issuers;
  if (!idp || !cluster || !github || !spire) throw new Error("four issuers");
  const agents = await createTestAgents(["chat", "ci"], {
    resources: () => [TEST_RESOURCE, BILLING],
    describeResource: async (resource) => describeTestResource(resource),
    trustedIssuers: [
      { ...idp, subjectOf: async ({ sub }) => (sub === "u-1" ? "ada" : undefined) },
      {
        ...cluster,
        workloads: [
          {
            client_id: "reporter",
            resources: [TEST_RESOURCE],
            claims: { "kubernetes.io": { namespace: "prod", serviceaccount: { name: "reporter" } } },
          },
        ],
      },
      {
        ...github,
        workloads: [
          { client_id: "ci", claims: { repository: "acme/app", ref: "refs/heads/*", environment: ["prod", "test"] } },
        ],
      },
      { ...spire, workloads: [{ client_id: "mesh", claims: { sub: "spiffe://acme.example/ns/prod/sa/*" } }] },
    ],
  });
  const now = agents.server.system.now();
  const idJag = (change: Claims = {}, header: Claims = {}, by = idp) =>
    by.sign(
      {
        sub: "u-1",
        aud: TEST_ISSUER,
        client_id: "chat",
        jti: "1",
        iat: now,
        exp: now + 300,
        resource: TEST_RESOURCE,
        ...change,
      },
      { typ: "oauth-id-jag+jwt", ...header },
    );
  const bearer = (client_id: string | undefined, assertion: string, change: TestParameters = {}) =>
    agents.token(client_id, { grant_type: JWT_BEARER_GRANT, assertion, ...change });
  return { ...agents, now, idp, cluster, github, spire, idJag, bearer };
}

describe("enterprise-managed authorization (ID-JAG)", () => {
  test("gives the client a token for the person, without a browser and without a refresh token", async () => {
    const { idJag, bearer, server } = await setUp();
    const tokens = await tokensOf(await bearer("chat", await idJag({ scope: "mcp:read other" })));
    expect(tokens).toMatchObject({ scope: "mcp:read", token_type: "Bearer" });
    expect(tokens.refresh_token).toBeUndefined();
    const claims = decodeJwt(tokens.access_token);
    expect(claims).toMatchObject({ sub: "ada", client_id: "chat", aud: TEST_RESOURCE });
    expect(await server.options.storage.grants.find("ada", "chat", TEST_RESOURCE)).toMatchObject({
      scopes: ["mcp:read"],
    });
  });

  test("scopes are what the IdP, the request and the entitlement all hold", async () => {
    const { idJag, bearer, entitlements } = await setUp();
    const scopeOf = async (jti: string, limit: string | undefined, scope?: string) =>
      (await tokensOf(await bearer("chat", await idJag({ jti, scope: limit }), { scope }))).scope;
    expect(await scopeOf("a", undefined)).toBe("mcp:read mcp:write");
    expect(await scopeOf("b", "mcp:read mcp:write", "mcp:read")).toBe("mcp:read");
    entitlements.set("ada", ["mcp:read"]);
    expect(await scopeOf("c", "mcp:write")).toBe("mcp:read");
    expect(
      await errorOf(await bearer("chat", await idJag({ jti: "d", scope: "mcp:read" }), { scope: "mcp:write" })),
    ).toEqual([400, "invalid_scope"]);
  });

  test("is advertised (authorization_grant_profiles_supported)", async () => {
    const { server } = await setUp();
    const metadata = await server.fetch(`${TEST_ISSUER}/.well-known/oauth-authorization-server`);
    expect(await metadata.json()).toMatchObject({
      authorization_grant_profiles_supported: ["urn:ietf:params:oauth:grant-profile:id-jag"],
      grant_types_supported: expect.arrayContaining([JWT_BEARER_GRANT]),
    });
  });

  test("idjag-replay: the same jti is good once, also for several at once, and another issuer's is another", async () => {
    const { idJag, bearer } = await setUp();
    const assertion = await idJag();
    const answers = await Promise.all([1, 2, 3, 4].map(() => bearer("chat", assertion)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400]);
    expect(await errorOf(await bearer("chat", await idJag()))).toEqual([400, "invalid_grant"]);
  });

  const now = 1_800_000_000;
  const broken: readonly (readonly [string, Claims, Claims?])[] = [
    ["idjag-replay: several audiences", { aud: [TEST_ISSUER, "https://other.example"] }],
    ["another audience", { aud: "https://other.example" }],
    ["the token endpoint as audience", { aud: `${TEST_ISSUER}/token` }],
    ["no audience", { aud: undefined }],
    ["made for another client", { client_id: "ci" }],
    ["made for no client", { client_id: undefined }],
    ["without jti", { jti: undefined }],
    ["without sub", { sub: undefined }],
    ["without iat", { iat: undefined }],
    ["without exp", { exp: undefined }],
    ["token-expired: expired", { iat: now - 500, exp: now - 61 }],
    ["not valid yet", { iat: now + 61, exp: now + 200 }],
    ["good for a day", { exp: now + 86_400 }],
    ["about somebody who is nobody here", { sub: "u-2" }],
    ["of an issuer that nobody trusts", { iss: "https://evil.example" }],
    ["an ID token of the IdP", {}, { typ: "JWT" }],
    ["an access token", {}, { typ: "at+jwt" }],
    ["without typ", {}, { typ: undefined }],
    ["of an unknown key", {}, { kid: "2" }],
  ];
  test.each(broken.map(([what, change, header = {}]) => ({ what, change, header })))(
    "$what is invalid_grant, and nothing is used up",
    async ({ change, header }) => {
      const { idJag, bearer } = await setUp();
      expect(await errorOf(await bearer("chat", await idJag(change, header)))).toEqual([400, "invalid_grant"]);
      expect((await bearer("chat", await idJag({ jti: "another" }))).status).toBe(200);
    },
  );

  test("token-bad-signature, token-wrong-iss: signed by another trusted issuer's key", async () => {
    const { idJag, bearer, cluster } = await setUp();
    expect(await errorOf(await bearer("chat", await idJag({ iss: IDP }, {}, cluster)))).toEqual([400, "invalid_grant"]);
    expect(await errorOf(await bearer("chat", await idJag({}, {}, cluster)))).toEqual([400, "invalid_grant"]);
  });

  test("for another resource than its own it is invalid_target", async () => {
    const { idJag, bearer } = await setUp();
    expect(await errorOf(await bearer("chat", await idJag(), { resource: BILLING }))).toEqual([400, "invalid_target"]);
    const foreign = await idJag({ resource: "https://evil.example" });
    expect(await errorOf(await bearer("chat", foreign))).toEqual([400, "invalid_target"]);
  });

  test("takes a client that authenticates: a public one, or none, will not do", async () => {
    const { idJag, bearer, server } = await setUp();
    expect(await errorOf(await bearer(undefined, await idJag()))).toEqual([401, "invalid_client"]);
    const open = await createTestClient(server, {
      metadata: { grant_types: ["authorization_code", JWT_BEARER_GRANT] },
    });
    const assertion = await idJag({ client_id: open.client_id });
    expect(await errorOf(await open.token({ grant_type: JWT_BEARER_GRANT, assertion }))).toEqual([
      401,
      "invalid_client",
    ]);
  });

  test("is what oauth4webapi gets", async () => {
    const { idJag, server } = await setUp();
    const options = { [oauth.customFetch]: server.fetch };
    const found = await oauth.discoveryRequest(new URL(TEST_ISSUER), { algorithm: "oauth2", ...options });
    const as = await oauth.processDiscoveryResponse(new URL(TEST_ISSUER), found);
    const client: oauth.Client = { client_id: "chat" };
    const proof = oauth.ClientSecretPost(secretOf("chat"));
    const parameters = { assertion: await idJag(), scope: "mcp:read" };
    const answer = await oauth.genericTokenEndpointRequest(as, client, proof, JWT_BEARER_GRANT, parameters, options);
    expect(await oauth.processGenericTokenEndpointResponse(as, client, answer)).toMatchObject({ scope: "mcp:read" });
  });
});

describe("workload identity federation", () => {
  const kubernetes = (name = "reporter") => ({
    sub: `system:serviceaccount:prod:${name}`,
    "kubernetes.io": { namespace: "prod", pod: { name: "p-1", uid: "u" }, serviceaccount: { name, uid: "s" } },
  });
  const actions = {
    sub: "repo:acme/app:environment:prod",
    repository: "acme/app",
    ref: "refs/heads/main",
    environment: "prod",
  };
  const AT = { resource: TEST_RESOURCE };

  test("a Kubernetes service account token, again and again until it expires", async () => {
    const { cluster, bearer, now } = await setUp();
    const assertion = await cluster.sign({ ...kubernetes(), aud: [TEST_ISSUER], iat: now, nbf: now, exp: now + 3600 });
    for (const _ of [1, 2]) {
      const claims = decodeJwt((await tokensOf(await bearer(undefined, assertion, AT))).access_token);
      expect(claims).toMatchObject({ sub: "reporter", client_id: "reporter", aud: TEST_RESOURCE });
    }
  });

  test("a GitHub Actions token, for the token endpoint; a bare client_id is not read", async () => {
    const { github, bearer, now } = await setUp();
    const assertion = await github.sign(
      { ...actions, aud: `${TEST_ISSUER}/token`, jti: "j", iat: now, exp: now + 300 },
      { typ: "JWT" },
    );
    const tokens = await tokensOf(
      await bearer(undefined, assertion, { ...AT, scope: "mcp:read", client_id: "whatever" }),
    );
    expect([tokens.scope, decodeJwt(tokens.access_token).sub]).toEqual(["mcp:read", "ci"]);
  });

  test("a SPIFFE JWT-SVID", async () => {
    const { spire, bearer, now } = await setUp();
    const assertion = await spire.sign(
      { sub: "spiffe://acme.example/ns/prod/sa/mesh", aud: [`${TEST_ISSUER}/`], exp: now + 300 },
      { typ: "JOSE" },
    );
    expect(decodeJwt((await tokensOf(await bearer(undefined, assertion, AT))).access_token).sub).toBe("mesh");
  });

  const refused: readonly (readonly [string, "cluster" | "github" | "spire", Claims, string])[] = [
    ["another service account", "cluster", kubernetes("admin"), TEST_RESOURCE],
    ["a resource that its rule does not list", "cluster", kubernetes(), BILLING],
    ["another repository", "github", { ...actions, repository: "evil/app" }, TEST_RESOURCE],
    ["a pull request's ref", "github", { ...actions, ref: "refs/pull/1/merge" }, TEST_RESOURCE],
    ["a ref below the pattern", "github", { ...actions, ref: "refs/heads/a/b" }, TEST_RESOURCE],
    ["an environment that is not listed", "github", { ...actions, environment: "dev" }, TEST_RESOURCE],
    ["a claim that is missing", "github", { ...actions, environment: undefined }, TEST_RESOURCE],
    ["another trust domain", "spire", { sub: "spiffe://evil.example/ns/prod/sa/mesh" }, TEST_RESOURCE],
    ["another audience", "github", { ...actions, aud: "sts.amazonaws.com" }, TEST_RESOURCE],
    [
      "idjag-replay: several audiences",
      "github",
      { ...actions, aud: [TEST_ISSUER, "sts.amazonaws.com"] },
      TEST_RESOURCE,
    ],
    ["token-expired: an expired one", "github", { ...actions, exp: 1_700_000_000 }, TEST_RESOURCE],
  ];
  test.each(refused)("%s is invalid_grant", async (_, by, claims, resource) => {
    const kit = await setUp();
    const assertion = await kit[by].sign({ aud: TEST_ISSUER, iat: kit.now, exp: kit.now + 300, ...claims });
    expect(await errorOf(await kit.bearer(undefined, assertion, { resource }))).toEqual([400, "invalid_grant"]);
  });

  test("an IdP for people vouches for no workload, and a platform for no person", async () => {
    const { idp, bearer, idJag, cluster, now } = await setUp();
    const claims = { ...kubernetes(), aud: TEST_ISSUER, iat: now, exp: now + 300 };
    expect(await errorOf(await bearer(undefined, await idp.sign(claims), AT))).toEqual([400, "invalid_grant"]);
    expect(await errorOf(await bearer("chat", await idJag({ iss: CLUSTER }, {}, cluster)))).toEqual([
      400,
      "invalid_grant",
    ]);
  });

  test("an authenticated client presents its own workload only", async () => {
    const { github, bearer, now } = await setUp();
    const assertion = await github.sign({ ...actions, aud: TEST_ISSUER, iat: now, exp: now + 300 });
    expect((await bearer("ci", assertion, AT)).status).toBe(200);
    expect(await errorOf(await bearer("chat", assertion, AT))).toEqual([400, "invalid_grant"]);
  });

  test("without trusted issuers there is no such grant", async () => {
    const { token } = await createTestAgents(["ci"]);
    expect(await errorOf(await token("ci", { grant_type: JWT_BEARER_GRANT, assertion: "x" }))).toEqual([
      400,
      "unsupported_grant_type",
    ]);
  });
});
