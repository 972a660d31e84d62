import { createRemoteJWKSet, jwtVerify } from "jose";
import { type ForeignIdp, startForeignIdp } from "../../packages/sallyport/src/federation/testing/foreign-idp.js";

export const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
export const GATEWAY = { client_id: "gateway", client_secret: "the gateway's own secret over there" } as const;
/** Audiences of the systems behind. */
export const CRM = "https://crm.example";
export const ERP = "https://erp.example";

export interface ExchangeServer extends ForeignIdp {
  /** Forms of token exchanges, as they came. */
  readonly exchanges: readonly Readonly<Record<string, unknown>>[];
}

/**
 * oidc-provider as the token endpoint of somebody else: it exchanges what `subjectIssuer` has signed (RFC 8693, registered as a grant of its
 * own), and gives the gateway tokens for itself, bound to a key with the server's nonces (RFC 9449 §8).
 */
export async function startExchangeServer(subjectIssuer: () => string): Promise<ExchangeServer> {
  const exchanges: Readonly<Record<string, unknown>>[] = [];
  const idp = await startForeignIdp({
    redirectUris: ["https://unused.example/callback"],
    clients: [
      {
        ...GATEWAY,
        grant_types: ["client_credentials", EXCHANGE],
        redirect_uris: [],
        response_types: [],
      },
    ],
    configuration: {
      features: {
        clientCredentials: { enabled: true },
        dPoP: { enabled: true, nonceSecret: Buffer.alloc(32, 1), requireNonce: () => true },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: (_, resource) => ({
            scope: "crm:read crm:write erp:read",
            audience: resource,
            accessTokenTTL: 300,
            accessTokenFormat: "jwt",
            jwt: { sign: { alg: "RS256" } },
          }),
        },
      },
      extraTokenClaims: (_, token) =>
        "gty" in token && token.gty === EXCHANGE ? { act: { sub: GATEWAY.client_id } } : undefined,
    },
  });
  const { provider } = idp;
  provider.registerGrantType(
    EXCHANGE,
    async (context) => {
      const { client, params } = context.oidc as unknown as ExchangeContext;
      exchanges.push({ ...params });
      const keys = createRemoteJWKSet(new URL(`${subjectIssuer()}/jwks`));
      const { payload } = await jwtVerify(params.subject_token, keys, { issuer: subjectIssuer() });
      const token = new provider.AccessToken({
        accountId: String(payload.sub),
        client,
        gty: EXCHANGE,
        grantId: "none",
        scope: params.scope,
      } as unknown as ConstructorParameters<typeof provider.AccessToken>[0]);
      const { accessTokenTTL, accessTokenFormat, jwt, ...info } = {
        ...{ accessTokenTTL: 300, accessTokenFormat: "jwt" as const, jwt: { sign: { alg: "RS256" as const } } },
        ...{ scope: "crm:read crm:write", audience: params.resource },
      };
      token.resourceServer = new provider.ResourceServer(params.resource, {
        ...info,
        accessTokenTTL,
        accessTokenFormat,
        jwt,
      });
      context.oidc.entity("AccessToken", token);
      context.body = {
        access_token: await token.save(),
        issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
        token_type: "Bearer",
        expires_in: 300,
        scope: params.scope,
      };
    },
    ["subject_token", "subject_token_type", "resource", "scope"],
  );
  return { ...idp, exchanges };
}

interface ExchangeContext {
  readonly client: InstanceType<ForeignIdp["provider"]["Client"]>;
  readonly params: { readonly subject_token: string; readonly resource: string; readonly scope: string };
}
