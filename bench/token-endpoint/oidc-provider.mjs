// oidc-provider on the same flows: public client, PKCE, JWT access tokens (ES256) for one resource, rotated refresh tokens, memory store.
import { createHash, randomBytes } from "node:crypto";
import { createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify } from "jose";
import Provider from "oidc-provider";
import { AGENT, CALLBACK, CLIENT, EXCHANGE, RESOURCE, SCOPE, serve } from "./serve.mjs";

/** Its own memory adapter forgets what is beyond 1,000 entries. */
const stored = new Map();
const ofGrant = new Map();
class MemoryAdapter {
  constructor(name) {
    this.name = name;
  }
  key(id) {
    return `${this.name}:${id}`;
  }
  async upsert(id, payload) {
    stored.set(this.key(id), payload);
    if (payload.grantId !== undefined) {
      const keys = ofGrant.get(payload.grantId) ?? [];
      keys.push(this.key(id));
      ofGrant.set(payload.grantId, keys);
    }
  }
  async find(id) {
    return stored.get(this.key(id));
  }
  async consume(id) {
    stored.get(this.key(id)).consumed = Math.floor(Date.now() / 1000);
  }
  async destroy(id) {
    stored.delete(this.key(id));
  }
  async revokeByGrantId(grantId) {
    for (const key of ofGrant.get(grantId) ?? []) stored.delete(key);
  }
}

const ISSUER = "http://localhost:1";
const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), alg: "ES256", kid: "bench" }] });
const resourceServer = {
  scope: SCOPE,
  audience: RESOURCE,
  accessTokenTTL: 600,
  accessTokenFormat: "jwt",
  jwt: { sign: { alg: "ES256" } },
};
const provider = new Provider(ISSUER, {
  adapter: MemoryAdapter,
  jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: "ES256", use: "sig", kid: "bench" }] },
  cookies: { keys: [randomBytes(32).toString("hex")] },
  clients: [
    {
      client_id: CLIENT,
      redirect_uris: [CALLBACK],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
      application_type: "native",
      id_token_signed_response_alg: "ES256",
    },
    {
      ...AGENT,
      redirect_uris: [],
      grant_types: ["client_credentials", EXCHANGE],
      response_types: [],
      token_endpoint_auth_method: "client_secret_post",
      id_token_signed_response_alg: "ES256",
    },
  ],
  scopes: ["offline_access", SCOPE],
  // What it offers for claims of its own: who acts.
  extraTokenClaims: (_, token) => (token.gty === "token_exchange" ? { act: { sub: AGENT.client_id } } : undefined),
  findAccount: async (_, accountId) => ({ accountId, claims: async () => ({ sub: accountId }) }),
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async () => true,
  ttl: { AccessToken: 600, AuthorizationCode: 600, RefreshToken: 86_400, Grant: 86_400 },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: async () => RESOURCE,
      useGrantedResource: async () => true,
      getResourceServerInfo: async () => resourceServer,
    },
  },
});
const client = await provider.Client.find(CLIENT);

/*
 * It has no token exchange; this is the grant that its documentation shows how to add, and does less than ours: no session to die with, no
 * may_act, no lineage. The token is verified and another signed.
 */
provider.registerGrantType(
  EXCHANGE,
  async (ctx) => {
    const { subject_token, scope = SCOPE } = ctx.oidc.params;
    const { payload } = await jwtVerify(subject_token, keys, { issuer: ISSUER, audience: RESOURCE, typ: "at+jwt" });
    if (!scope.split(" ").every((each) => payload.scope.split(" ").includes(each))) throw new Error("scope");
    const token = new provider.AccessToken({
      accountId: payload.sub,
      client: ctx.oidc.client,
      gty: "token_exchange",
      scope,
      expiresIn: Math.min(600, payload.exp - Math.floor(Date.now() / 1000)),
    });
    token.resourceServer = new provider.ResourceServer(RESOURCE, resourceServer);
    ctx.body = { access_token: await token.save(), token_type: "Bearer", expires_in: token.expiration, scope };
  },
  ["subject_token", "subject_token_type", "scope", "resource"],
  [],
);

let people = 0;
async function prepareCode() {
  people += 1;
  const verifier = randomBytes(32).toString("base64url");
  const accountId = `person-${people}`;
  const grant = new provider.Grant({ accountId, clientId: CLIENT });
  grant.addResourceScope(RESOURCE, SCOPE);
  const grantId = await grant.save();
  const code = await new provider.AuthorizationCode({
    accountId,
    client,
    grantId,
    gty: "authorization_code",
    redirectUri: CALLBACK,
    scope: `${SCOPE} offline_access`,
    resource: RESOURCE,
    codeChallenge: createHash("sha256").update(verifier).digest("base64url"),
    codeChallengeMethod: "S256",
    authTime: Math.floor(Date.now() / 1000),
  }).save();
  return { code, verifier };
}

provider.on("server_error", (_, error) => console.error(error));
await serve(provider.callback(), prepareCode);
