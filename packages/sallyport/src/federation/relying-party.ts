import { claimAt, missingClaim, type RequiredClaims, type System } from "@sallyport/auth";
import * as client from "openid-client";
import { type Claims, mapRoles, type RoleMapping } from "./claims.js";
import {
  type BoundedFetch,
  boundedFetch,
  createHeld,
  discover,
  isAcceptableUrl,
  isLoopback,
  OPENID_DOCUMENT,
  type ProviderMetadata,
} from "./discovery.js";
import { createIssuerKeys } from "./external-issuer.js";
import { FederationError } from "./federation-error.js";
import { canonicalIssuer, type IdpQuirks, issuerProblem, quirksOf } from "./idp-quirks.js";
import { type IdpAnswer, type IdpTokens, idpTokensOf, refreshIdpTokens, revokeIdpTokens } from "./kept-tokens.js";
import { type ForeignLogout, isSid, verifyLogoutToken } from "./logout-token.js";

export interface RelyingPartyOptions {
  readonly issuer: string;
  readonly clientId: string;
  /** Absent for a public client. */
  readonly clientSecret?: string;
  /** Registered with the provider, byte for byte. */
  readonly callbackUrl: string;
  readonly signedOutUrl: string;
  /** What people call the provider. */
  readonly label: string;
  /** Default `openid profile email`; `openid` is always asked for. */
  readonly scopes?: readonly string[];
  /** Claims with groups or roles; default by provider. */
  readonly roleClaims?: readonly string[];
  readonly roles: RoleMapping;
  readonly requiredClaims: RequiredClaims;
  /** Seconds since the person last proved to the provider who they are (OpenID Connect Core §3.1.2.1 `max_age`). */
  readonly maxAge?: number;
  /** Added to the authorization request; a `prompt` among them comes beside the one for a fresh sign-in. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** What the provider gives is answered with the identity, and a refresh token is asked for where the provider lists that. Default false. */
  readonly keepTokens?: boolean;
  readonly system: System;
  readonly fetch?: BoundedFetch;
}

/** What one sign-in is recognised by. All are secrets of the browser it began in. */
export interface ForeignFlow {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** Integer seconds: when it began. */
  readonly started: number;
  /** The person must be asked again (`prompt=login`). */
  readonly fresh: boolean;
}

/** A person as the provider vouches for them. (`issuer`, `subject`) is who they are; the rest is only said about them. */
export interface ForeignIdentity {
  readonly issuer: string;
  readonly subject: string;
  /** For people to read; proves nothing. */
  readonly name: string | undefined;
  /** Roles here, by the mapping. */
  readonly roles: readonly string[];
  /** The provider's own session, where the ID token names one (OpenID Connect Back-Channel Logout 1.0 §2.1). */
  readonly sid: string | undefined;
  /** Only with `keepTokens`. Secrets of this person. */
  readonly tokens?: IdpTokens;
}

/** An OpenID Connect relying party for one provider (OpenID Connect Core §3.1, RFC 9207, RFC 7636, RFC 9700 §2.1). */
export interface RelyingParty {
  readonly issuer: string;
  readonly label: string;
  /** The authorization request. @throws FederationError while the provider cannot be used. */
  start(flow: ForeignFlow): Promise<URL>;
  /**
   * The answer, from the query string of the callback. Checks state, `iss`, PKCE, and the ID token: signature, issuer, audience, nonce,
   * times. Does NOT know whether `flow` belongs to this browser, nor whether it was used before. @throws FederationError
   */
  finish(query: string, flow: ForeignFlow): Promise<ForeignIdentity>;
  /** New tokens for those of a sign-in; `undefined`: the provider has ended them. @throws FederationError */
  refresh(tokens: Pick<IdpTokens, "refresh_token" | "id_token">): Promise<IdpTokens | undefined>;
  /** Ends them there, where the provider has RFC 7009; nothing otherwise. @throws FederationError */
  revoke(tokens: Pick<IdpTokens, "access_token" | "refresh_token">): Promise<void>;
  /** RP-initiated logout, where the provider has it; `undefined` where not, or while it does not answer. */
  logoutUrl(state: string): Promise<URL | undefined>;
  /** Back-channel logout. @throws LogoutTokenError; OAuthError `keys_unavailable` while the provider's keys cannot be read. */
  verifyLogout(token: string): Promise<ForeignLogout>;
}

const DEFAULT_SCOPES: readonly string[] = ["openid", "profile", "email"];
const NAMES = ["preferred_username", "email", "name"] as const;
const MAX_NAME = 100;
/** Seconds by which the provider's clock may differ. */
const CLOCK_SKEW = 60;
/** RFC 8725 §3.1: what an ID token may be signed with; never `none`, never with the client secret. */
const ALGORITHMS: ReadonlySet<unknown> = new Set([
  "RS256",
  "PS256",
  "ES256",
  "ES384",
  "RS384",
  "RS512",
  "PS384",
  "PS512",
  "EdDSA",
  "Ed25519",
]);

/** @throws TypeError for an issuer that cannot be used, before anybody is asked. */
export function createRelyingParty(options: RelyingPartyOptions): RelyingParty {
  const loopback = URL.canParse(options.issuer) && isLoopback(options.issuer);
  if (!isAcceptableUrl(options.issuer, loopback)) throw new TypeError("the issuer must be an https URL");
  const problem = issuerProblem(options.issuer);
  if (problem !== undefined) throw new TypeError(problem);
  const issuer = canonicalIssuer(options.issuer);
  const quirks = quirksOf(issuer);
  const fetch = options.fetch ?? boundedFetch;
  const configuration = createHeld(
    async () => configure(await discover(issuer, OPENID_DOCUMENT(issuer), fetch), options),
    options,
  );
  const { clientId, system } = options;
  const keys = createIssuerKeys({ issuer, system, fetch });
  return {
    issuer,
    label: options.label,
    verifyLogout: (token) => verifyLogoutToken(token, { issuer, clientId, keys, now: system.now() }),
    start: async (flow) => authorizationUrl(await configuration(), { flow, options, quirks }),
    finish: async (query, flow) => {
      const config = await configuration();
      const { claims, tokens } = await redeem(config, { query, flow, options, quirks });
      const identity = identityOf(claims, { issuer, flow, options, quirks });
      return options.keepTokens === true ? { ...identity, tokens: idpTokensOf(tokens, system) } : identity;
    },
    refresh: async (tokens) => asking(async () => refreshIdpTokens(await configuration(), tokens, system)),
    revoke: async (tokens) => asking(async () => revokeIdpTokens(await configuration(), tokens)),
    logoutUrl: async (state) => {
      const config = await configuration().catch(() => undefined);
      if (config?.serverMetadata().end_session_endpoint === undefined) return undefined;
      return client.buildEndSessionUrl(config, { post_logout_redirect_uri: options.signedOutUrl, state });
    },
  };
}

function configure(metadata: ProviderMetadata, options: RelyingPartyOptions): client.Configuration {
  for (const name of ["authorization_endpoint", "token_endpoint", "jwks_uri"] as const) {
    if (metadata[name] === undefined) throw new FederationError("idp_garbage", `discovery: no ${name}`);
  }
  const algorithms = metadata.id_token_signing_alg_values_supported;
  const usable = Array.isArray(algorithms) ? algorithms.filter((name) => ALGORITHMS.has(name)) : ["RS256"];
  const server = { ...metadata, id_token_signing_alg_values_supported: usable } as client.ServerMetadata;
  const config = new client.Configuration(server, options.clientId, {}, authentication(metadata, options.clientSecret));
  const fetch = options.fetch ?? boundedFetch;
  config[client.customFetch] = (url, init) =>
    fetch(url, init as RequestInit).then(
      (response) => {
        if (response.status < 500) return response;
        throw new FederationError("idp_unreachable", `status ${response.status}`);
      },
      (error: unknown) => {
        throw new FederationError("idp_unreachable", String(error), { cause: error });
      },
    );
  // The signature of the ID token, and not TLS alone, says that the provider made it.
  client.enableNonRepudiationChecks(config);
  if (isLoopback(metadata.issuer)) client.allowInsecureRequests(config);
  return config;
}

/** OpenID Connect Core §9: `client_secret_basic` unless the provider lists only `client_secret_post`. */
function authentication(metadata: ProviderMetadata, secret: string | undefined): client.ClientAuth {
  if (secret === undefined) return client.None();
  const methods = metadata.token_endpoint_auth_methods_supported;
  const onlyPost =
    Array.isArray(methods) && methods.includes("client_secret_post") && !methods.includes("client_secret_basic");
  return onlyPost ? client.ClientSecretPost(secret) : client.ClientSecretBasic(secret);
}

interface Exchange {
  readonly flow: ForeignFlow;
  readonly options: RelyingPartyOptions;
  readonly quirks: IdpQuirks;
}

async function authorizationUrl(config: client.Configuration, { flow, options, quirks }: Exchange): Promise<URL> {
  const { offlineParameters, hints = {} } = quirks;
  const wanted = new Set(["openid", ...(options.scopes ?? DEFAULT_SCOPES)]);
  const { scopes_supported } = config.serverMetadata();
  // OpenID Connect Core §11. A provider that does not list it might refuse the whole request.
  if (
    options.keepTokens === true &&
    (offlineParameters !== undefined || scopes_supported?.includes("offline_access"))
  ) {
    wanted.add("offline_access");
  }
  const { prompt, ...parameters } = options.parameters ?? {};
  const prompts = [...(flow.fresh ? ["login"] : []), ...(prompt?.split(" ") ?? [])];
  const offline = offlineParameters !== undefined && wanted.delete("offline_access") ? offlineParameters : {};
  const known = Object.entries(hints).flatMap(([claim, parameter]) => {
    const [only, ...others] = options.requiredClaims[claim] ?? [];
    return only !== undefined && others.length === 0 ? [[parameter, only]] : [];
  });
  return client.buildAuthorizationUrl(config, {
    ...offline,
    ...Object.fromEntries(known),
    ...parameters,
    redirect_uri: options.callbackUrl,
    scope: [...wanted].join(" "),
    state: flow.state,
    nonce: flow.nonce,
    code_challenge: await client.calculatePKCECodeChallenge(flow.verifier),
    code_challenge_method: "S256",
    ...(options.maxAge !== undefined && { max_age: String(options.maxAge) }),
    ...(prompts.length > 0 && { prompt: [...new Set(prompts)].join(" ") }),
  });
}

async function asking<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw named(error);
  }
}

async function redeem(
  config: client.Configuration,
  { query, flow, options, quirks }: Exchange & { readonly query: string },
): Promise<{ readonly claims: Claims; readonly tokens: IdpAnswer }> {
  return asking(async () => {
    const tokens = await client.authorizationCodeGrant(config, new URL(options.callbackUrl + query), {
      expectedState: flow.state,
      expectedNonce: flow.nonce,
      pkceCodeVerifier: flow.verifier,
      idTokenExpected: true,
      ...(options.maxAge !== undefined && { maxAge: options.maxAge }),
    });
    const claims = tokens.claims();
    if (claims === undefined) throw new FederationError("idp_answer_refused", "no ID token");
    if (
      isComplete(claims, options.roleClaims ?? quirks.roleClaims ?? []) ||
      config.serverMetadata().userinfo_endpoint === undefined
    ) {
      return { claims, tokens };
    }
    // Only the ID token says which session it is of.
    const { sid: _, ...more } = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
    return { claims: { ...more, ...claims }, tokens };
  });
}

/** Whether the ID token says all that is wanted: a name, and groups or roles where some are expected. Else userinfo is asked. */
function isComplete(claims: Claims, roleClaims: readonly string[]): boolean {
  const has = (name: string) => claimAt(claims, name) !== undefined;
  return NAMES.some(has) && (roleClaims.length === 0 || roleClaims.some(has));
}

/** What went wrong, in our words: the library's errors and their causes hold what the provider said. */
function named(error: unknown): FederationError {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof FederationError) return cause;
  }
  if (error instanceof client.AuthorizationResponseError) {
    return new FederationError("idp_denied", JSON.stringify(error.error).slice(0, 100), { cause: error });
  }
  if (error instanceof client.ResponseBodyError) {
    const reason = error.error === "invalid_grant" ? "idp_answer_refused" : "idp_refused";
    return new FederationError(reason, JSON.stringify(error.error).slice(0, 100), { cause: error });
  }
  if (error instanceof client.ClientError && ["OAUTH_TIMEOUT", "OAUTH_ABORT"].includes(error.code ?? "")) {
    return new FederationError("idp_unreachable", "no answer in time", { cause: error });
  }
  const detail = error instanceof Error ? error.message : "unknown error";
  return new FederationError("idp_answer_refused", detail, { cause: error });
}

function identityOf(
  claims: Claims,
  { issuer, flow, options, quirks }: Exchange & { readonly issuer: string },
): ForeignIdentity {
  const { auth_time } = claims;
  if (flow.fresh && typeof auth_time === "number" && auth_time < flow.started - CLOCK_SKEW) {
    throw new FederationError("idp_not_fresh", "prompt=login was answered from an earlier sign-in");
  }
  const missing = missingClaim(claims, options.requiredClaims);
  if (missing !== undefined) throw new FederationError("idp_account_refused", `claim ${JSON.stringify(missing)}`);
  const roleClaims = options.roleClaims ?? quirks.roleClaims ?? [];
  const elsewhere = claimAt(claims, "_claim_names.groups");
  if (elsewhere !== undefined && roleClaims.includes("groups")) {
    options.system.log("warn", "groups are too many for the ID token and do not count", { issuer });
  }
  const name = NAMES.map((claim) => claims[claim]).find((value) => typeof value === "string" && value !== "");
  return {
    issuer,
    subject: String(claims.sub),
    sid: isSid(claims.sid) ? claims.sid : undefined,
    name: typeof name === "string" ? name.slice(0, MAX_NAME) : undefined,
    roles: mapRoles(claims, roleClaims, options.roles),
  };
}
