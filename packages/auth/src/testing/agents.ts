import { exportJWK, generateKeyPair, SignJWT } from "jose";
import type { AuthorizationServerOptions } from "../authorization-server/contract.js";
import type { ClientMetadata } from "../core/client-metadata.js";
import { sha256 } from "../oauth/digest.js";
import { localKeySet } from "../oauth/key-set.js";
import { createTestAuthorizationServer, type TestAuthorizationServer } from "./authorization-server.js";
import { createTestClient, type TestParameters, type TestTokens } from "./client.js";
import { createMemoryStorage } from "./memory-storage.js";

/** Grants that clients of a configuration have. */
const MACHINE_GRANTS = [
  "authorization_code",
  "refresh_token",
  "client_credentials",
  "urn:ietf:params:oauth:grant-type:token-exchange",
  "urn:ietf:params:oauth:grant-type:jwt-bearer",
];

/** An authorization server with clients of its configuration: their secret is `secret of <client_id>`. */
export interface TestAgents {
  readonly server: TestAuthorizationServer;
  /** POST /token as this client; `undefined`: as nobody. */
  token(client_id: string | undefined, parameters: TestParameters, headers?: Record<string, string>): Promise<Response>;
  /** An access token of the person for this client. */
  ofPerson(client_id: string, scope?: string): Promise<Required<TestTokens>>;
  /** client_credentials. */
  ofClient(client_id: string, change?: TestParameters): Promise<TestTokens>;
  exchange(client_id: string, subject_token: string, change?: TestParameters): Promise<Response>;
  /** What each client may be granted for itself, where it is not everything. */
  readonly entitlements: Map<string, readonly string[]>;
}

export const agentRedirect = (client_id: string) => `https://${client_id}.example/callback`;

export async function createTestAgents(
  client_ids: readonly string[],
  change: Partial<AuthorizationServerOptions> & { readonly metadata?: Partial<ClientMetadata> } = {},
): Promise<TestAgents> {
  const { metadata, ...options } = change;
  const entitlements = new Map<string, readonly string[]>();
  const storage = options.storage ?? createMemoryStorage();
  const server = await createTestAuthorizationServer({
    storage,
    clientCredentials: true,
    mayExchange: () => ({ resources: [] }),
    mayBeGranted: async (sub) => entitlements.get(sub) ?? server.person.entitlement,
    ...options,
  });
  for (const client_id of client_ids) {
    await storage.clients.add({
      metadata: {
        client_id,
        redirect_uris: [agentRedirect(client_id)],
        grant_types: MACHINE_GRANTS,
        response_types: ["code"],
        token_endpoint_auth_method: "client_secret_basic",
        application_type: "web",
        ...metadata,
      },
      origin: "configured",
      secret_hash: await sha256(secretOf(client_id)),
      created: 0,
      expires: undefined,
    });
  }
  const agents: TestAgents = {
    server,
    entitlements,
    token(client_id, parameters, headers = {}) {
      const pairs = Object.entries(parameters).flatMap(([name, value]) =>
        [value ?? []].flat().map((each): [string, string] => [name, each]),
      );
      const authorization = client_id === undefined ? {} : { authorization: basic(client_id) };
      const init = { method: "POST", body: new URLSearchParams(pairs), headers: { ...authorization, ...headers } };
      return server.fetch(`${server.issuer}/token`, init);
    },
    async ofPerson(client_id, scope = "mcp:read") {
      const redirect_uri = agentRedirect(client_id);
      const client = await createTestClient(server, { client_id, redirect_uri });
      const code = (await client.approve({ scope })).get("code") ?? "";
      return (await (await client.redeem(code, { client_secret: secretOf(client_id) })).json()) as Required<TestTokens>;
    },
    async ofClient(client_id, parameters = {}) {
      const answer = await agents.token(client_id, { grant_type: "client_credentials", ...parameters });
      return (await answer.json()) as TestTokens;
    },
    exchange: (client_id, subject_token, parameters = {}) =>
      agents.token(client_id, {
        grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
        subject_token,
        subject_token_type: "urn:ietf:params:oauth:token-type:access_token",
        ...parameters,
      }),
  };
  return agents;
}

export const secretOf = (client_id: string) => `secret of ${client_id}`;

function basic(client_id: string): string {
  return `Basic ${btoa(`${encodeURIComponent(client_id)}:${encodeURIComponent(secretOf(client_id))}`)}`;
}

/** A foreign issuer of assertions: a company's IdP, or a platform. */
export async function createTestAssertionIssuer(issuer: string) {
  const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: "1" };
  return {
    issuer,
    keys: localKeySet({ keys: [jwk] }),
    sign: (claims: Readonly<Record<string, unknown>>, header: Record<string, unknown> = {}) =>
      new SignJWT({ iss: issuer, ...claims })
        .setProtectedHeader({ alg: "RS256", kid: "1", ...header })
        .sign(privateKey),
  };
}

/** A client's DPoP key: each call makes the header of one token request. */
export async function createTestProofs({ issuer, system }: TestAuthorizationServer) {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = await exportJWK(publicKey);
  let count = 0;
  return async (): Promise<{ readonly dpop: string }> => {
    count += 1;
    const claims = { jti: `proof ${count}`, htm: "POST", htu: `${issuer}/token`, iat: system.now() };
    const dpop = await new SignJWT(claims).setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk }).sign(privateKey);
    return { dpop };
  };
}
