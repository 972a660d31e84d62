import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import Provider, { type Configuration } from "oidc-provider";

export const CLIENT = { clientId: "sallyport", clientSecret: "a secret of thirty-two characters" } as const;

export interface ForeignIdpOptions {
  readonly redirectUris: readonly string[];
  readonly postLogoutRedirectUris?: readonly string[];
  /** Told when somebody signs out there (OpenID Connect Back-Channel Logout 1.0). */
  readonly backchannelLogoutUri?: string;
  /** As Auth0 and authentik write themselves. */
  readonly trailingSlash?: boolean;
  /** Further configuration of oidc-provider. */
  readonly configuration?: Configuration;
  /** Further clients. */
  readonly clients?: Configuration["clients"];
}

export interface ForeignIdp {
  readonly issuer: string;
  readonly provider: Provider;
  /** Claims of a person here; changed between sign-ins to see what follows. */
  readonly people: Map<string, Readonly<Record<string, unknown>>>;
  /** Goes through the provider's pages as `accountId`, keeping cookies, up to the first address that is not the provider's. */
  visit(url: URL, accountId: string): Promise<URL>;
  close(): Promise<void>;
}

/** oidc-provider on loopback: a certified provider that is not ours. It asks nobody; who signs in is told by {@link ForeignIdp.visit}. */
export async function startForeignIdp(options: ForeignIdpOptions): Promise<ForeignIdp> {
  let handle: (request: IncomingMessage, response: ServerResponse) => unknown = () => undefined;
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const issuer = options.trailingSlash === true ? `${origin}/` : origin;
  const people: ForeignIdp["people"] = new Map();
  const provider = new Provider(issuer, configurationOf(options, people));
  const callback = provider.callback();
  handle = (request, response) =>
    request.url?.startsWith("/interaction/") === true
      ? agree(provider, request, response)
      : callback(request, response);
  return {
    issuer,
    provider,
    people,
    visit: createVisit(origin),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function configurationOf(options: ForeignIdpOptions, people: ForeignIdp["people"]): Configuration {
  const { features, ...rest } = options.configuration ?? {};
  const { backchannelLogoutUri } = options;
  return {
    clients: [
      {
        client_id: CLIENT.clientId,
        client_secret: CLIENT.clientSecret,
        redirect_uris: [...options.redirectUris],
        post_logout_redirect_uris: [...(options.postLogoutRedirectUris ?? [])],
        grant_types: ["authorization_code"],
        response_types: ["code"],
        ...(backchannelLogoutUri !== undefined && { backchannel_logout_uri: backchannelLogoutUri }),
      },
      ...(options.clients ?? []),
    ],
    ttl: { Session: 3600, Grant: 3600, Interaction: 600, IdToken: 600, AccessToken: 600, ClientCredentials: 600 },
    cookies: { keys: ["for tests only"] },
    claims: { openid: ["sub"], profile: ["preferred_username", "groups"], email: ["email"] },
    findAccount: (_, sub) => ({ accountId: sub, claims: async () => ({ sub, ...people.get(sub) }) }),
    // Without its guard against addresses on this machine: the client that it tells of sign-outs is on loopback.
    fetch: (url, request) => fetch(url, { ...request, dispatcher: undefined } as RequestInit),
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: true },
      backchannelLogout: { enabled: backchannelLogoutUri !== undefined },
      ...features,
    },
    ...rest,
  };
}

/** The provider's pages, answered at once: whoever the header names signs in and agrees to everything. */
async function agree(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { params, prompt, session } = await provider.interactionDetails(request, response);
  const accountId = session?.accountId ?? String(request.headers["x-account"]);
  const grant = new provider.Grant({ accountId, clientId: String(params.client_id) });
  grant.addOIDCScope(String(params.scope));
  if (typeof params.resource === "string") grant.addResourceScope(params.resource, String(params.scope));
  const consent = { grantId: await grant.save() };
  const login = { accountId: String(request.headers["x-account"]) };
  await provider.interactionFinished(request, response, prompt.name === "login" ? { login, consent } : { consent });
}

function createVisit(origin: string): ForeignIdp["visit"] {
  const jars = new Map<string, Map<string, string>>();
  return async (url, accountId) => {
    const jar = jars.get(accountId) ?? new Map<string, string>();
    jars.set(accountId, jar);
    let next = url;
    for (let hops = 0; next.origin === origin; hops++) {
      if (hops === 10) throw new Error(`going round in circles at ${next.href}`);
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
      const answer = await fetch(next, { redirect: "manual", headers: { cookie, "x-account": accountId } });
      for (const line of answer.headers.getSetCookie()) {
        const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        jar.set(name, value);
      }
      const location = answer.headers.get("location");
      if (location === null) throw new Error(`no redirect: ${answer.status} ${await answer.text()}`);
      next = new URL(location, next);
    }
    return next;
  };
}
