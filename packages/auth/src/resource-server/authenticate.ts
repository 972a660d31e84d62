import { OAuthError } from "../core/oauth-error.js";
import type { Policy } from "../core/policy.js";
import type { Principal } from "../core/principal.js";
import { expandScopes, type ScopeHierarchy } from "../core/scope.js";
import {
  type AccessTokenIssuer,
  claimedIssuer,
  type VerifiedAccessToken,
  validateAccessToken,
  validateIntrospected,
} from "../oauth/access-token.js";
import { type Awaitable, chain } from "../oauth/awaitable.js";
import { validateDpopProof } from "../oauth/dpop.js";
import type { Introspection } from "../oauth/introspection.js";
import type { VerifySignature } from "../oauth/key-set.js";
import { holdSubjectToken, subjectTokenOf } from "../oauth/subject-token.js";
import type { Sha256 } from "../oauth/thumbprint.js";
import type { System } from "../system.js";
import type { Authenticated, Liveness, RequestHead, ResourceServerOptions } from "./contract.js";
import { type Credentials, readCredentials, readProof } from "./credentials.js";
import { type CachedToken, createTokenCache } from "./token-cache.js";

/** Seconds after which a cached token is verified again, so that a key taken out of service stops counting. */
const REVERIFY_AFTER = 600;

export interface AuthenticatePorts {
  readonly issuers: ReadonlyMap<string, KnownIssuer>;
  readonly resource: string;
  readonly policy: Policy;
  readonly isLive: (principal: Principal, now: number) => Awaitable<Liveness>;
  readonly verifySignature: VerifySignature;
  readonly sha256: Sha256;
  readonly clockSkew: number;
  readonly cachedTokens: number;
  readonly formTokens: boolean;
  readonly tokenExchange: boolean;
  readonly dpop: ResourceServerOptions["dpop"];
  readonly system: System;
}

export interface KnownIssuer extends AccessTokenIssuer {
  readonly introspection?: Introspection;
}

export interface Authenticate {
  (head: RequestHead): Awaitable<Authenticated>;
  /** What was verified is verified again, also what is being verified now. */
  forget(): void;
}

/**
 * Token → principal. Verified tokens are remembered; possession proofs and liveness are checked at every call, remembered or not.
 * Synchronous when the token is remembered and not bound to a key, or when every port answers at once.
 */
export function createAuthenticate(ports: AuthenticatePorts): Authenticate {
  const cache = createTokenCache(ports.cachedTokens);
  const verify = createVerify(ports);
  let forgotten = 0;

  const admit = (entry: CachedToken, credentials: Credentials, head: RequestHead): Awaitable<Authenticated> =>
    chain(checkBinding(entry.principal, credentials, { head, ports }), () =>
      ports.tokenExchange
        ? chain(withRecords(entry, ports), (who) => withToken(who, credentials))
        : withRecords(entry, ports),
    );

  const authenticate = (head: RequestHead): Awaitable<Authenticated> => {
    const credentials = readCredentials(head, ports.formTokens);
    const now = ports.system.now();
    const known = cache.find(credentials.token, now);
    if (known !== undefined) return admit(known, credentials, head);
    const since = forgotten;
    return chain(verify(credentials.token, now), ({ token, until }) => {
      const principal = createPrincipal(localDetails(token, ports.resource), { roles: NO_ROLES });
      const entry: CachedToken = { principal, until, last: undefined };
      if (since === forgotten) cache.add(credentials.token, entry);
      return admit(entry, credentials, head);
    });
  };
  const forget = () => {
    forgotten += 1;
    cache.clear();
  };
  return Object.assign(authenticate, { forget });
}

/** Details that are for another resource say nothing here. */
function localDetails(verified: VerifiedAccessToken, resource: string): VerifiedAccessToken {
  if (verified.details === undefined) return verified;
  const { details, ...token } = verified;
  const own = details.filter(({ locations }) => locations[0] === resource);
  return own.length === 0 ? token : { ...token, details: own };
}

interface Verified {
  readonly token: VerifiedAccessToken;
  /** Integer seconds: until when that may be believed without looking again. */
  readonly until: number;
}

/** By signature, or by asking the issuer. A token that names its issuer is judged by that one alone; one that does not can only be asked about. */
function createVerify({ issuers, verifySignature, clockSkew }: AuthenticatePorts) {
  const issuerOf = (iss: string) => issuers.get(iss);
  const asked = [...issuers.values()].find(({ introspection }) => introspection !== undefined);
  const bySignature = (token: string, now: number): Awaitable<Verified> =>
    chain(validateAccessToken(token, { issuerOf, verifySignature, clockSkew, now }), (verified) => ({
      token: verified,
      until: Math.min(verified.exp, now + REVERIFY_AFTER),
    }));
  if (asked?.introspection === undefined) return bySignature;
  const { introspection } = asked;
  return (token: string, now: number): Awaitable<Verified> => {
    const iss = claimedIssuer(token);
    if (iss !== undefined && iss !== asked.issuer) return bySignature(token, now);
    return introspection.ask(token).then(({ claims, until }) => {
      if (claims === undefined) throw new OAuthError("token_inactive");
      return { token: validateIntrospected(claims, asked, { now, clockSkew }), until };
    });
  };
}

/** RFC 9449 §7.1 and §7.2: a bound token comes with the DPoP scheme and a proof, an unbound one with neither. */
function checkBinding(
  { cnf }: Principal,
  { scheme, token }: Credentials,
  { head, ports }: { readonly head: RequestHead; readonly ports: AuthenticatePorts },
): Awaitable<unknown> {
  if (cnf === undefined && scheme === "bearer") return undefined;
  const { dpop, sha256, verifySignature, system } = ports;
  if (cnf === undefined)
    throw new OAuthError("token_binding", { detail: "a DPoP scheme with a token that is not bound" });
  if (scheme === "bearer") throw new OAuthError("token_binding", { detail: "a bound token with the Bearer scheme" });
  if (dpop === undefined) throw new OAuthError("token_binding", { detail: "proofs are not accepted here" });
  const expected = {
    htm: head.method,
    htu: head.url,
    accessToken: token,
    jkt: cnf.jkt,
    now: system.now(),
    ...(dpop.nonces === undefined ? {} : { nonces: dpop.nonces }),
  };
  return validateDpopProof(readProof(head), expected, { verifySignature, sha256, replay: dpop.replay });
}

/** One object belongs to one token, so that what is kept beside it is the same at every call. */
function withToken(who: Authenticated, { token }: Credentials): Authenticated {
  if (subjectTokenOf(who) === undefined) holdSubjectToken(who, { token, exp: who.principal.exp });
  return who;
}

/** What our own records say, now: never from the cache. The result is reused for as long as they answer with the same arrays. */
function withRecords(entry: CachedToken, { policy, isLive, system }: AuthenticatePorts): Awaitable<Authenticated> {
  return chain(isLive(entry.principal, system.now()), (records) => joined(entry, records, policy));
}

function joined(entry: CachedToken, records: Liveness, { hierarchy }: Policy): Authenticated {
  const { principal } = entry;
  if (records.status === "unknown") throw new OAuthError("liveness_unknown", { retryAfter: records.retryAfter });
  if (records.status !== "live") throw new OAuthError("token_revoked");
  const { roles, entitled, granted, entitledBy } = records;
  const last = entry.last?.from;
  if (entry.last !== undefined && last !== undefined) {
    if (last[0] === roles && last[1] === entitled && last[2] === granted && last[3] === hierarchy)
      return entry.last.who;
  }
  const scopes = granted === undefined ? principal.scopes : intersectScopes(hierarchy, principal.scopes, granted);
  const joinedPrincipal = createPrincipal(principal, { roles, scopes });
  const who: Authenticated =
    entitledBy === undefined
      ? { principal: joinedPrincipal, entitled }
      : { principal: joinedPrincipal, entitled, entitledBy };
  entry.last = { from: [roles, entitled, granted, hierarchy], who };
  return who;
}

const NO_ROLES: readonly string[] = [];

/** Not a spread with members behind it: in V8 11 (Node 20) that took longer than all the checks of a token but its signature. */
function createPrincipal<Base extends Omit<Principal, "roles">>(
  from: Base,
  change: Pick<Principal, "roles"> & Partial<Pick<Principal, "scopes">>,
): Base & Principal {
  return Object.assign({}, from, change);
}

/** What both amount to: `write` of the token under a grant cut down to `read` leaves `read`, if `write` includes it. */
function intersectScopes(
  hierarchy: ScopeHierarchy,
  token: readonly string[],
  granted: readonly string[],
): readonly string[] {
  // The same array for everybody with this grant: what is made of it is made once.
  if (token.length === granted.length && token.every((scope, index) => scope === granted[index])) return granted;
  const allowed = expandScopes(hierarchy, granted);
  if (token.every((scope) => allowed.has(scope))) return token;
  return [...expandScopes(hierarchy, token)].filter((scope) => allowed.has(scope));
}
