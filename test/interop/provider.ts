import type { OAuthClientProvider as ModernProvider } from "@modelcontextprotocol/client";
import type { OAuthClientProvider as LegacyProvider } from "@modelcontextprotocol/sdk/client/auth.js";
import type { Answer, Person } from "./person.js";

export interface ProviderOptions {
  readonly person: Person;
  /** How the person answers the consent page; asked anew each time. */
  readonly answer?: () => Answer;
  readonly redirect_uri?: string;
  readonly client_name?: string;
}

/** What a client keeps between calls, open to the tests: they expire a token by changing it here. */
export interface ClientState {
  information: Record<string, unknown> | undefined;
  tokens: { access_token: string; refresh_token?: string; [member: string]: unknown } | undefined;
  verifier: string;
  discovery: Record<string, unknown> | undefined;
  /** The `state` parameter of the last request. */
  sent: string | undefined;
  /** How often the person was sent to the authorization endpoint, with the scope asked for each time. */
  readonly requests: { readonly scope: string | null }[];
  /** The callback of the last authorization, to be finished by the client. */
  callback: URL | undefined;
}

/** One provider for both SDKs; the person acts at once, so that the callback is there when the client has thrown. */
export function createProvider(options: ProviderOptions): {
  readonly state: ClientState;
  readonly provider: ModernProvider & LegacyProvider;
} {
  const redirect_uri = options.redirect_uri ?? "http://127.0.0.1:49153/callback";
  const state: ClientState = {
    information: undefined,
    tokens: undefined,
    verifier: "",
    discovery: undefined,
    sent: undefined,
    requests: [],
    callback: undefined,
  };
  const provider = {
    redirectUrl: redirect_uri,
    clientMetadata: {
      client_name: options.client_name ?? "Interop client",
      redirect_uris: [redirect_uri],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
      application_type: "native",
    },
    clientInformation: () => state.information,
    saveClientInformation: (information: Record<string, unknown>) => {
      state.information = information;
    },
    tokens: () => state.tokens,
    saveTokens: (tokens: ClientState["tokens"]) => {
      state.tokens = tokens;
    },
    state: () => {
      state.sent = `state-${state.requests.length}-${Math.random()}`;
      return state.sent;
    },
    discoveryState: () => state.discovery,
    saveDiscoveryState: (discovery: Record<string, unknown>) => {
      state.discovery = discovery;
    },
    saveCodeVerifier: (verifier: string) => {
      state.verifier = verifier;
    },
    codeVerifier: () => state.verifier,
    redirectToAuthorization: async (url: URL) => {
      state.requests.push({ scope: url.searchParams.get("scope") });
      state.callback = await options.person.visit(url, options.answer?.());
    },
    invalidateCredentials: (what: string) => {
      if (what === "all" || what === "client") state.information = undefined;
      if (what === "all" || what === "tokens") state.tokens = undefined;
    },
  };
  return { state, provider: provider as unknown as ModernProvider & LegacyProvider };
}
