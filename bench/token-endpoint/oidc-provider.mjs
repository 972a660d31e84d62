// oidc-provider on the same flows: public client, PKCE, JWT access tokens (ES256) for one resource, rotated refresh tokens, memory store.
import { createHash, randomBytes } from "node:crypto";
import { exportJWK, generateKeyPair } from "jose";
import Provider from "oidc-provider";
import { CALLBACK, CLIENT, RESOURCE, SCOPE, serve } from "./serve.mjs";

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

const { privateKey } = await generateKeyPair("ES256", { extractable: true });
const provider = new Provider("http://localhost:1", {
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
  ],
  scopes: ["offline_access", SCOPE],
  findAccount: async (_, accountId) => ({ accountId, claims: async () => ({ sub: accountId }) }),
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async () => true,
  ttl: { AccessToken: 600, AuthorizationCode: 600, RefreshToken: 86_400, Grant: 86_400 },
  features: {
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: async () => RESOURCE,
      useGrantedResource: async () => true,
      getResourceServerInfo: async () => ({
        scope: SCOPE,
        audience: RESOURCE,
        accessTokenTTL: 600,
        accessTokenFormat: "jwt",
        jwt: { sign: { alg: "ES256" } },
      }),
    },
  },
});
const client = await provider.Client.find(CLIENT);

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

await serve(provider.callback(), prepareCode);
