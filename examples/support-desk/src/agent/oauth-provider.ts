import { randomBytes } from "node:crypto";
import type { OAuthClientProvider } from "@modelcontextprotocol/client";

/** How the chat is known at the authorization server: registered in `sallyport.yaml`, with a secret. */
export interface ChatClient {
  readonly id: string;
  /** Absent for a program on the person's own machine, which can keep none (RFC 8252 §8.5). */
  readonly secret?: string;
  readonly redirectUri: string;
}

type Tokens = NonNullable<Awaited<ReturnType<OAuthClientProvider["tokens"]>>>;

/** What one browser's chat keeps of its authorization, in memory. Where the person has to go is {@link Grant.authorizationUrl}. */
export interface Grant {
  readonly provider: OAuthClientProvider;
  /** The last authorization request; taken when the person comes back. */
  authorizationUrl: URL | undefined;
  readonly tokens: Tokens | undefined;
}

export function createGrant({ id, secret, redirectUri }: ChatClient): Grant {
  let tokens: Tokens | undefined;
  let verifier = "";
  let discovery: unknown;
  const grant: Grant = {
    authorizationUrl: undefined,
    get tokens() {
      return tokens;
    },
    provider: {
      redirectUrl: redirectUri,
      clientMetadata: {
        client_name: "Support chat",
        redirect_uris: [redirectUri],
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        token_endpoint_auth_method: secret === undefined ? "none" : "client_secret_basic",
      },
      state: () => randomBytes(24).toString("base64url"),
      clientInformation: () => ({ client_id: id, ...(secret !== undefined && { client_secret: secret }) }),
      tokens: () => tokens,
      saveTokens: (saved) => {
        tokens = saved;
      },
      redirectToAuthorization: (url) => {
        grant.authorizationUrl = url;
      },
      saveCodeVerifier: (saved) => {
        verifier = saved;
      },
      codeVerifier: () => verifier,
      discoveryState: () => discovery as never,
      saveDiscoveryState: (saved: unknown) => {
        discovery = saved;
      },
      invalidateCredentials: (what) => {
        if (what === "all" || what === "tokens") tokens = undefined;
        if (what === "all" || what === "discovery") discovery = undefined;
      },
    } as OAuthClientProvider,
  };
  return grant;
}
