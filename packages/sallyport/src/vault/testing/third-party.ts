import { system } from "@sallyport/auth";
import { createTestSystem, type TestSystem } from "@sallyport/auth/testing";
import { type BoundedFetch, boundedFetch } from "../../federation/index.js";
import { CLIENT, type ForeignIdp, startForeignIdp } from "../../federation/testing/foreign-idp.js";
import { createProvider, type Provider, type ProviderOptions } from "../provider.js";

export const PUBLIC_URL = "http://localhost:4000";
export const CALLBACK = `${PUBLIC_URL}/account/connections/callback`;

/** oidc-provider as somebody else's API with accounts: refresh tokens that rotate, and revocation. */
export function startThirdParty(callback = CALLBACK): Promise<ForeignIdp> {
  return startForeignIdp({
    redirectUris: [],
    clients: [
      {
        client_id: "desk",
        client_secret: CLIENT.clientSecret,
        redirect_uris: [callback],
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
      },
    ],
    configuration: {
      scopes: ["openid", "offline_access", "tickets:read", "tickets:write"],
      rotateRefreshToken: true,
      issueRefreshToken: async () => true,
      features: { revocation: { enabled: true }, introspection: { enabled: true } },
    },
  });
}

export interface Client {
  readonly provider: Provider;
  readonly clock: TestSystem;
  /** Bodies of what went to the token endpoint, in order. */
  readonly asked: URLSearchParams[];
  /** Takes the place of the way to the other system while it is set. */
  interrupt: BoundedFetch | undefined;
}

/** Our client of it. The clock begins at the real time, since the other system's is real. */
export function createClient(issuer: string, change: Partial<ProviderOptions> = {}): Client {
  const clock = createTestSystem(system.now());
  const client: Client = {
    clock,
    asked: [],
    interrupt: undefined,
    provider: createProvider({
      name: "desk",
      title: "Ticket Desk",
      issuer,
      clientId: "desk",
      clientSecret: () => CLIENT.clientSecret,
      callbackUrl: CALLBACK,
      scopes: ["openid", "tickets:read"],
      moreScopes: ["tickets:write"],
      parameters: {},
      scheme: "Bearer",
      system: clock,
      fetch: (url, init) => {
        if (init?.body instanceof URLSearchParams) client.asked.push(init.body);
        return (client.interrupt ?? boundedFetch)(url, init);
      },
      ...change,
    }),
  };
  return client;
}
