import type { System } from "@sallyport/auth";
import * as client from "openid-client";
import {
  type BoundedFetch,
  boundedFetch,
  createHeld,
  discover,
  FederationError,
  isLoopback,
  OPENID_DOCUMENT,
  oauthDocument,
  type ProviderMetadata,
  quirksOf,
} from "../federation/index.js";
import { UpstreamError } from "../upstream/upstream.js";
import { ConnectionError } from "./connection-error.js";
import type { ConnectionTokens } from "./contract.js";

export interface ProviderOptions {
  /** Its name in the configuration, and what people call it. */
  readonly name: string;
  readonly title: string;
  /** Either the issuer, byte for byte, or endpoints. */
  readonly issuer?: string;
  readonly endpoints?: { readonly authorization: string; readonly token: string; readonly revocation?: string };
  readonly clientId: string;
  /** As it is now: it may change while the program runs. @throws Error for one that is not there any more */
  readonly clientSecret?: () => string;
  readonly callbackUrl: string;
  readonly scopes: readonly string[];
  /** May be asked for later, when a call needs them. */
  readonly moreScopes: readonly string[];
  readonly resource?: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly scheme: string;
  readonly system: System;
  readonly fetch?: BoundedFetch;
}

/** What one connecting is recognised by: secrets of the browser session it began in. */
export interface ConnectFlow {
  readonly state: string;
  readonly verifier: string;
}

/** Tokens as they came, with the scopes that they have as far as the other system says. */
export interface Granted {
  readonly tokens: ConnectionTokens;
  readonly scopes: readonly string[] | undefined;
}

/** What the vault asks of the system that gave the tokens. */
export interface TokenGiver extends Pick<ProviderOptions, "scopes" | "moreScopes" | "scheme"> {
  /** @throws ConnectionError `connection_ended` when the other system does not know the token any more. */
  refresh(tokens: ConnectionTokens & { readonly refresh_token: string }): Promise<Granted>;
  /** Ends what was connected, where the other system has RFC 7009; nothing otherwise. @throws ConnectionError */
  revoke(tokens: ConnectionTokens): Promise<void>;
}

/** An OAuth 2.1 client of one other system (RFC 6749, RFC 7636, RFC 8707, RFC 9207, RFC 7009), for many people. */
export interface Provider extends TokenGiver, Pick<ProviderOptions, "name" | "title"> {
  /** The authorization request for `scopes`. @throws ConnectionError */
  start(flow: ConnectFlow, scopes: readonly string[]): Promise<URL>;
  /** Redeems the answer, given as the query string of the callback; `iss` and `state` are checked. @throws ConnectionError */
  finish(query: string, flow: ConnectFlow): Promise<Granted>;
}

/** Seconds that an `expires_in` may say at the most: a year. */
const LONGEST = 31_536_000;

export function createProvider(options: ProviderOptions): Provider {
  const configuration = createHeld(() => configure(options), options);
  const held = async () => {
    try {
      return await configuration();
    } catch (error) {
      throw named(error);
    }
  };
  const { name, title, scopes, moreScopes, scheme, system, resource } = options;
  const target = resource === undefined ? {} : { resource };
  return {
    name,
    title,
    scopes,
    moreScopes,
    scheme,
    start: async (flow, wanted) => {
      const config = await held();
      const { offlineParameters = {} } = options.issuer === undefined ? {} : quirksOf(options.issuer);
      return client.buildAuthorizationUrl(config, {
        ...offlineParameters,
        ...options.parameters,
        ...target,
        redirect_uri: options.callbackUrl,
        state: flow.state,
        code_challenge: await client.calculatePKCECodeChallenge(flow.verifier),
        code_challenge_method: "S256",
        ...(wanted.length > 0 && { scope: wanted.join(" ") }),
      });
    },
    finish: (query, flow) =>
      asking(async () => {
        const config = await held();
        const checks = { expectedState: flow.state, pkceCodeVerifier: flow.verifier };
        const url = new URL(options.callbackUrl + query);
        return grantedOf(await client.authorizationCodeGrant(config, url, checks, target), system);
      }).catch((error: unknown) => {
        // `invalid_grant` for a code means that the code is not good; nothing was connected yet that could have ended.
        if (!(error instanceof ConnectionError) || error.reason !== "connection_ended") throw error;
        throw new ConnectionError("connection_answer_refused", error.message, { cause: error });
      }),
    refresh: ({ refresh_token }) =>
      asking(async () => {
        const config = await held();
        const granted = grantedOf(await client.refreshTokenGrant(config, refresh_token, target), system);
        // RFC 6749 §6: where no new refresh token comes, the old one goes on.
        return granted.tokens.refresh_token === undefined
          ? { ...granted, tokens: { ...granted.tokens, refresh_token } }
          : granted;
      }),
    revoke: ({ access_token, refresh_token }) =>
      asking(async () => {
        const config = await held();
        if (config.serverMetadata().revocation_endpoint === undefined) return;
        // RFC 7009 §2.1: revoking the refresh token ends the grant; what has none can end its access token only.
        await client.tokenRevocation(config, refresh_token ?? access_token);
      }),
  };
}

async function configure(options: ProviderOptions): Promise<client.Configuration> {
  const metadata = await metadataOf(options);
  const { clientId, clientSecret, fetch = boundedFetch } = options;
  const config = new client.Configuration(
    metadata as client.ServerMetadata,
    clientId,
    {},
    authentication(metadata, clientSecret),
  );
  config[client.customFetch] = (url, init) =>
    fetch(url, init as RequestInit).then(
      (response) => {
        if (response.status < 500) return response;
        throw new ConnectionError("connection_unreachable", `status ${response.status}`);
      },
      (error: unknown) => {
        throw new ConnectionError("connection_unreachable", String(error), { cause: error });
      },
    );
  if (isLoopback(String(metadata.token_endpoint))) client.allowInsecureRequests(config);
  return config;
}

/** both forms of the document, the OAuth one first. @throws FederationError */
async function metadataOf({ issuer, endpoints, fetch = boundedFetch }: ProviderOptions): Promise<ProviderMetadata> {
  if (issuer === undefined) {
    if (endpoints === undefined) throw new TypeError("a connection needs an issuer or endpoints");
    const { authorization, token, revocation } = endpoints;
    return {
      issuer: new URL(token).origin,
      authorization_endpoint: authorization,
      token_endpoint: token,
      ...(revocation !== undefined && { revocation_endpoint: revocation }),
    };
  }
  const metadata = await discover(issuer, oauthDocument(issuer), fetch).catch((error: unknown) => {
    if (error instanceof FederationError && error.reason === "idp_garbage") {
      return discover(issuer, OPENID_DOCUMENT(issuer), fetch);
    }
    throw error;
  });
  for (const name of ["authorization_endpoint", "token_endpoint"] as const) {
    if (metadata[name] === undefined) throw new ConnectionError("connection_garbage", `discovery: no ${name}`);
  }
  return metadata;
}

/** RFC 8414 §2: `client_secret_basic` unless only `client_secret_post` is listed. */
function authentication(metadata: ProviderMetadata, secret: (() => string) | undefined): client.ClientAuth {
  if (secret === undefined) return client.None();
  const methods = metadata.token_endpoint_auth_methods_supported;
  const onlyPost =
    Array.isArray(methods) && methods.includes("client_secret_post") && !methods.includes("client_secret_basic");
  const authenticate = onlyPost ? client.ClientSecretPost : client.ClientSecretBasic;
  return (...request) => authenticate(secret())(...request);
}

function grantedOf(answer: client.TokenEndpointResponse, { now }: Pick<System, "now">): Granted {
  const { access_token, refresh_token, expires_in, scope } = answer;
  // A header is made of it (RFC 6750 §2.1).
  if (!/^[\x21-\x7E]+$/.test(access_token)) throw new ConnectionError("connection_garbage", "not a token");
  return {
    tokens: {
      access_token,
      refresh_token: refresh_token === undefined || refresh_token === "" ? undefined : refresh_token,
      expires: expires_in === undefined ? undefined : now() + Math.min(Math.floor(expires_in), LONGEST),
    },
    scopes: scope === undefined ? undefined : scope.split(/[ ,]+/).filter((part) => part !== ""),
  };
}

async function asking<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw named(error);
  }
}

/** What went wrong, in our words: the library's errors and their causes hold what the other system said. */
function named(error: unknown): ConnectionError {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof ConnectionError) return cause;
    // Of our own secret.
    if (cause instanceof UpstreamError)
      return new ConnectionError("connection_client_refused", cause.message, { cause });
    if (cause instanceof FederationError) {
      const reason = cause.reason === "idp_unreachable" ? "connection_unreachable" : "connection_garbage";
      return new ConnectionError(reason, cause.message, { cause });
    }
  }
  if (error instanceof client.AuthorizationResponseError) {
    return new ConnectionError("connection_denied", code(error.error), { cause: error });
  }
  if (error instanceof client.ResponseBodyError) {
    const reason = error.error === "invalid_grant" ? "connection_ended" : "connection_client_refused";
    return new ConnectionError(reason, code(error.error), { cause: error });
  }
  // RFC 6749 §5.2: a challenge at the token endpoint is about the client.
  if (error instanceof client.WWWAuthenticateChallengeError) {
    return new ConnectionError("connection_client_refused", `status ${error.status}`, { cause: error });
  }
  if (error instanceof client.ClientError && ["OAUTH_TIMEOUT", "OAUTH_ABORT"].includes(error.code ?? "")) {
    return new ConnectionError("connection_unreachable", "no answer in time", { cause: error });
  }
  const detail = error instanceof Error ? error.message : "unknown error";
  return new ConnectionError("connection_answer_refused", detail, { cause: error });
}

function code(error: unknown): string {
  return JSON.stringify(error)?.slice(0, 100) ?? "no code";
}
