import { OAuthError, type Principal, parseChallenges, randomToken, type System } from "@sallyport/auth";
import {
  createHeldTokens,
  type DpopSigner,
  formatDpopProof,
  type TokenAnswer,
  TokenRefused,
} from "@sallyport/auth/client";
import { sha256Node } from "@sallyport/auth/node";
import type { Credential, CredentialRequest, CredentialSource, UpstreamRefusal } from "./contract.js";
import { CredentialError, type CredentialReason } from "./credential-error.js";
import { tokenName } from "./token-name.js";

/** One token that was made for one caller, or for the gateway itself. */
export interface Issued {
  readonly principal: Principal | undefined;
  /** As asked for; `undefined`: whatever the server gives. */
  readonly scope: string | undefined;
  readonly tokenId: string;
  /** Integer seconds; `undefined`: not said. */
  readonly expires: number | undefined;
}

export interface TokenCredentialsOptions {
  /** Name of the server, for the log. */
  readonly server: string;
  /** Asks for a token. Rejects with OAuthError or CredentialError. */
  obtain(request: CredentialRequest, scope: string | undefined): Promise<Pick<TokenAnswer, "access_token" | "expires">>;
  /** What a call needs at the system behind. @throws CredentialError when it needs what nothing is mapped to */
  scopeOf(request: CredentialRequest): string | undefined;
  /**
   * Names what the token is made from beside the caller's token, at every call; what was made from something else is not used. @throws
   * CredentialError where it is gone. Default: nothing.
   */
  basis?(request: CredentialRequest): string | Promise<string>;
  /** A token of the caller's, which ends with the caller's; or one of the gateway's own. */
  readonly perCaller: boolean;
  /** Bound tokens: every request is proven with this key, for this URL (RFC 9449 §7). */
  readonly dpop?: { readonly signer: DpopSigner; readonly url: string };
  /** Told of every token before it is used: what cannot be recorded is not used. */
  readonly onIssued?: (issued: Issued) => void;
  readonly system: System;
}

interface Held {
  readonly key: string;
  readonly token: string;
  readonly tokenId: string;
  readonly expires: number | undefined;
  /** Monotonic milliseconds. */
  readonly madeAt: number;
  /** Of an unbound token: the same at every call. */
  readonly bearer: Credential | undefined;
}

/** The gateway itself, where nobody calls. Nothing of it is read for a token that belongs to no caller. */
const NOBODY = { principal: { scopes: [] }, calls: [], method: "POST" } as unknown as CredentialRequest;

/** What was made for the very call that it was refused to is not made again. Milliseconds. */
const FRESH_MS = 1_000;

/**
 * Credentials that are access tokens: held until shortly before they end and never beyond what they were made from, asked for once by however
 * many calls, at hand at once while they are held. What fails is not held: the next call asks again.
 */
export function createTokenCredentials(options: TokenCredentialsOptions): CredentialSource {
  const { system, dpop, perCaller, onIssued } = options;
  const tokens = createHeldTokens<Held, Principal | undefined>({ system });
  /** What a credential was made of; also those of bound tokens, of which there is a new one at every call. */
  const origins = new WeakMap<Credential, Held>();
  let nonce: string | undefined;

  const fetch = async (request: CredentialRequest, key: string, scope: string | undefined): Promise<Held> => {
    const { access_token: token, expires } = await options.obtain(request, scope).catch((error: unknown) => {
      const named = toCredentialError(error);
      const reason = named instanceof CredentialError ? named.reason : "failed";
      system.log("warn", "no credential for the system behind", {
        server: options.server,
        reason,
        error: String(error),
      });
      throw named;
    });
    const tokenId = tokenName(token);
    onIssued?.({ principal: perCaller ? request.principal : undefined, scope, tokenId, expires });
    const bearer = dpop === undefined ? { headers: { authorization: `Bearer ${token}` }, tokenId } : undefined;
    const held: Held = { key, token, tokenId, expires, madeAt: system.monotonicMs(), bearer };
    if (bearer !== undefined) origins.set(bearer, held);
    return held;
  };
  const present = (held: Held, { method }: CredentialRequest): Credential | Promise<Credential> => {
    if (held.bearer !== undefined || dpop === undefined) return held.bearer as Credential;
    const claims = { htm: method, htu: dpop.url, accessToken: held.token, nonce };
    const own = { jti: randomToken(system, 16), iat: system.now() };
    const proof = formatDpopProof(dpop.signer, { ...claims, ...own }, sha256Node);
    return proof instanceof Promise ? proof.then((late) => bound(held, late)) : bound(held, proof);
  };
  const bound = (held: Held, dpopProof: string): Credential => {
    const credential = {
      headers: { authorization: `DPoP ${held.token}`, dpop: dpopProof },
      tokenId: held.tokenId,
    };
    origins.set(credential, held);
    return credential;
  };
  /** A caller mostly does the same again; the very same string, whose hash is known, is found twice as fast as one that is put together anew. */
  const lastKeys = new WeakMap<
    Principal,
    { readonly scope: string | undefined; readonly basis: string; readonly key: string }
  >();
  const keyOf = (request: CredentialRequest, scope: string | undefined, basis: string): string => {
    const last = lastKeys.get(request.principal);
    if (last !== undefined && last.scope === scope && last.basis === basis) return last.key;
    const caller = perCaller ? callerKey(request) + basis : "";
    const key = scope === undefined ? caller : `${caller} ${scope}`;
    lastKeys.set(request.principal, { scope, basis, key });
    return key;
  };
  const madeFrom = (request: CredentialRequest, basis: string): Credential | Promise<Credential> => {
    const scope = options.scopeOf(request);
    const { principal } = request;
    const key = keyOf(request, scope, basis);
    const from = perCaller
      ? { until: principal.exp, owner: principal }
      : { until: Number.POSITIVE_INFINITY, owner: undefined };
    const held = tokens.get(key, from, () => fetch(request, key, scope));
    return held instanceof Promise ? held.then((late) => present(late, request)) : present(held, request);
  };
  const credentialFor = (request: CredentialRequest): Credential | Promise<Credential> => {
    const basis = options.basis?.(request) ?? "";
    return typeof basis === "string" ? madeFrom(request, basis) : basis.then((late) => madeFrom(request, late));
  };
  return {
    credentialFor,
    // A proof is for one request; what reads a server sends several.
    ...(!perCaller && dpop === undefined && { own: async () => credentialFor(NOBODY) }),
    refused(request, credential, refusal) {
      const held = origins.get(credential);
      if (held === undefined || refusal.status !== 401) return undefined;
      const next = nonceOf(refusal);
      if (dpop !== undefined && next !== undefined && next !== nonce) {
        nonce = next;
        if (isAboutNonce(refusal)) return refusal.attempt === 1 ? present(held, request) : undefined;
      }
      tokens.drop(held.key, held);
      const fresh = system.monotonicMs() - held.madeAt < FRESH_MS;
      return fresh || refusal.attempt === 2 ? undefined : credentialFor(request);
    },
    answered(headers) {
      const next = headers["dpop-nonce"];
      if (dpop !== undefined && typeof next === "string") nonce = next;
    },
    forget: (isEnded) => tokens.forget((owner) => owner !== undefined && isEnded(owner)),
  };
}

/** Made once for each principal object, which belongs to one token. */
const keys = new WeakMap<Principal, string>();

/**
 * Not the caller alone but its very token: two tokens of one session may be good for different things. By hash, and not by `jti`: whether
 * another server's ids are ever used twice is not for us to hope.
 */
function callerKey({ principal, callerToken }: CredentialRequest): string {
  const known = keys.get(principal);
  if (known !== undefined) return known;
  const { iss, sub, client_id } = principal;
  const key = JSON.stringify([iss, sub, client_id, sha256Node(callerToken())]);
  keys.set(principal, key);
  return key;
}

function nonceOf({ headers }: UpstreamRefusal): string | undefined {
  const value = headers["dpop-nonce"];
  return typeof value === "string" ? value : undefined;
}

function isAboutNonce({ headers }: UpstreamRefusal): boolean {
  const value = headers["www-authenticate"];
  try {
    const challenges = [value ?? []].flat().flatMap((each) => parseChallenges(each));
    return challenges.some(({ parameters }) => parameters.error === "use_dpop_nonce");
  } catch {
    return false;
  }
}

const REASONS: Readonly<Record<string, CredentialReason>> = {
  server_unreachable: "credential_unreachable",
  server_timeout: "credential_timeout",
  server_busy: "credential_overloaded",
  server_garbage: "credential_garbage",
  server_metadata_refused: "credential_garbage",
  token_refused: "credential_refused",
  exchange_too_deep: "credential_refused",
};

/** RFC 6749 §5.2, RFC 8693 §2.2.2, OpenID Connect Core §3.1.2.6: codes that the caller may be told. Others are the server's own words. */
const CODES: ReadonlySet<string> = new Set([
  ...["invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type"],
  ...["invalid_scope", "invalid_target", "access_denied"],
  ...["interaction_required", "login_required", "consent_required"],
]);

/** What went wrong at a token endpoint, by its name for callers. */
function toCredentialError(error: unknown): Error {
  if (!(error instanceof OAuthError)) return error instanceof Error ? error : new Error(String(error));
  const reason = REASONS[error.reason] ?? "credential_garbage";
  const code = error instanceof TokenRefused && CODES.has(error.code) ? { error: error.code } : {};
  const { retryAfter } = error;
  return new CredentialError(reason, error.message, {
    data: code,
    cause: error,
    ...(retryAfter === undefined ? {} : { retryAfter }),
  });
}
