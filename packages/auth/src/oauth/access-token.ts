import { type CallDetail, readCallDetails } from "../core/call-details.js";
import { OAuthError, type OAuthErrorReason } from "../core/oauth-error.js";
import type { Actor } from "../core/principal.js";
import { base64url, fromBase64url } from "../system.js";
import { type Awaitable, chain } from "./awaitable.js";
import { claimAt, claimValues, missingClaim, type RequiredClaims } from "./claims.js";
import { type Sign, webCryptography } from "./cryptography.js";
import { type DecodedJws, decodeJws, isJsonObject, type JsonClaims } from "./jws.js";
import type { KeySet, SigningKey, SigningKeys, VerifySignature } from "./key-set.js";

/** Claims of an access token under their wire names (RFC 9068 §2.2, RFC 8693 §4.1, RFC 9449 §6.1). Times in integer seconds. */
export interface AccessTokenClaims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: string | readonly string[];
  readonly client_id: string;
  readonly exp: number;
  readonly iat: number;
  readonly jti: string;
  readonly scope?: string;
  /** The session under a grant that this token belongs to; what revocation ends. */
  readonly sid?: string;
  readonly auth_time?: number;
  readonly act?: JsonClaims | undefined;
  /** RFC 8693 §4.4: who may exchange this token to act for its subject. */
  readonly may_act?: JsonClaims | undefined;
  readonly cnf?: { readonly jkt: string } | undefined;
  /** RFC 9396 §9.1. */
  readonly authorization_details?: readonly CallDetail[] | undefined;
}

/** How the tokens of an authorization server that does not follow RFC 9068 differ. Everything absent is as RFC 9068 says. */
export interface TokenDialect {
  /** Values of `typ` accepted besides `at+jwt`, compared without case; for example `["JWT"]`. */
  readonly typ?: readonly string[];
  /** Claim that names the client, for example `azp` or `cid`. Default `client_id`. */
  readonly clientIdClaim?: string;
  /** Claim with the scopes, a string or an array of strings, for example `scp`. Default `scope`, a string. */
  readonly scopeClaim?: string;
  /** Tokens without any `typ` are accepted; then `requiredClaims` should tell access tokens from ID tokens. */
  readonly withoutTyp?: boolean;
  /** Tokens may lack `aud`; they then must be of one of {@link AccessTokenIssuer.clients}. An `aud` that is there must still fit. */
  readonly withoutAudience?: boolean;
  /** Claims that must be there with one of these values, for example `{ token_use: ["access"] }`. */
  readonly requiredClaims?: RequiredClaims;
  /** Its scopes → scopes here; what is not listed is dropped. Absent: as they are. */
  readonly scopes?: Readonly<Record<string, readonly string[]>>;
  /** Claims with groups or roles; a dot leads into an object. Their values become {@link VerifiedAccessToken.asserted}. */
  readonly roleClaims?: readonly string[];
}

/** One authorization server whose tokens are accepted. */
export interface AccessTokenIssuer {
  readonly issuer: string;
  /** Absent: its tokens are not verified by signature. */
  readonly keys?: KeySet | undefined;
  /** Exact values, one of which `aud` must hold. */
  readonly audience: readonly string[];
  /** Only tokens of these clients; absent: of any. */
  readonly clients?: readonly string[];
  readonly dialect?: TokenDialect;
  /** Its tokens may hold details of type `mcp_call` (RFC 9396). Default: they count for nothing. */
  readonly details?: boolean;
}

export interface AccessTokenExpectation {
  issuerOf(iss: string): AccessTokenIssuer | undefined;
  readonly verifySignature: VerifySignature;
  /** Integer seconds. */
  readonly now: number;
  /** Tolerated difference between the clocks, seconds, 0 to 60. */
  readonly clockSkew: number;
}

/** What a verified token says. `cnf` is only read: the proof is the caller's to check. */
export interface VerifiedAccessToken {
  readonly iss: string;
  readonly sub: string;
  readonly client_id: string;
  readonly sid: string | undefined;
  readonly jti: string | undefined;
  readonly scopes: readonly string[];
  readonly kind: "user" | "client";
  readonly actor: Actor | undefined;
  readonly chain: readonly Actor[];
  readonly cnf: { readonly jkt: string } | undefined;
  /** Values of the dialect's `roleClaims`; absent where there are none. */
  readonly asserted?: readonly string[];
  /** Of any location; absent where there are none. */
  readonly details?: readonly CallDetail[];
  readonly exp: number;
  readonly iat: number;
}

/** Characters. Header limits of servers are near 8 KB, and a token is no place for data. */
const MAX_TOKEN_LENGTH = 8 * 1024;
const MAX_ACTORS = 8;
const MAX_TIME = 253_402_300_799; // the year 9999: beyond it a number is no date
const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/; // RFC 6749 §3.3
const THUMBPRINT = /^[A-Za-z0-9_-]{43}$/; // base64url of a SHA-256, RFC 9449 §6.1

/** Signs an access token with the current key (RFC 7515 §5.1). Does NOT judge the claims: the authorization server made them. */
export async function formatAccessToken(
  claims: AccessTokenClaims,
  keys: Pick<SigningKeys, "current">,
  sign: Sign = webCryptography.sign,
): Promise<string> {
  return signAccessToken(claims, await keys.current(), sign);
}

/** The same with the key at hand; at once where `sign` is. */
export function signAccessToken(claims: AccessTokenClaims, key: SigningKey, sign: Sign): Awaitable<string> {
  return sign(key, headerOf(key), JSON.stringify(claims));
}

const headers = new WeakMap<SigningKey["privateKey"], string>();

/** base64url, made once a key. */
function headerOf({ kid, alg, privateKey }: SigningKey): string {
  const known = headers.get(privateKey);
  if (known !== undefined) return known;
  const made = base64url(new TextEncoder().encode(JSON.stringify({ alg, kid, typ: "at+jwt" })));
  headers.set(privateKey, made);
  return made;
}

/**
 * RFC 9068 §4: form, issuer, audience, times and claims first, the signature last, since it alone costs (and forged tokens are free to
 * make). Synchronous when the key is at hand and `verifySignature` is.
 * Does NOT check revocation, scopes, or the proof of possession behind `cnf`.
 * @throws OAuthError `token_…`, also as a rejection.
 */
export function validateAccessToken(token: string, expected: AccessTokenExpectation): Awaitable<VerifiedAccessToken> {
  return validateDecoded(decodeAccessToken(token), expected);
}

/** The same for a token that was taken apart already, by {@link decodeAccessToken}. */
export function validateDecoded(jws: DecodedJws, expected: AccessTokenExpectation): Awaitable<VerifiedAccessToken> {
  const trusted = typeof jws.claims.iss === "string" ? expected.issuerOf(jws.claims.iss) : undefined;
  if (trusted === undefined) refuse("token_issuer", `issuer ${JSON.stringify(jws.claims.iss ?? null).slice(0, 200)}`);
  const { keys } = trusted;
  if (keys === undefined) refuse("token_issuer", "tokens of this issuer are not verified by signature");
  validateTyp(jws.header.typ, trusted.dialect);
  const verified = validateClaims(jws.claims, trusted, expected);
  return chain(keys.find({ alg: jws.header.alg, kid: jws.header.kid }, expected.now), (key) => {
    if (key === undefined) refuse("token_signature", "no such key");
    const { signingInput, signature } = jws;
    return chain(expected.verifySignature(jws.header.alg, key, signingInput, signature), (valid) =>
      valid === true ? verified : refuse("token_signature", "wrong signature"),
    );
  });
}

/** Audience, times and claims, whoever vouches for them: a signature, or the issuer's introspection endpoint. @throws OAuthError `token_…` */
function validateClaims(
  claims: JsonClaims,
  trusted: AccessTokenIssuer,
  expected: Pick<AccessTokenExpectation, "now" | "clockSkew">,
): VerifiedAccessToken {
  validateAudience(claims.aud, trusted);
  validateTimes(claims, expected);
  const missing = missingClaim(claims, trusted.dialect?.requiredClaims ?? {});
  if (missing !== undefined) refuse("token_malformed", `claim ${JSON.stringify(missing)} is not as required`);
  const verified = readClaims(claims, trusted);
  if (trusted.clients?.includes(verified.client_id) === false) refuse("token_audience", "of a client not listed");
  return verified;
}

/** The issuer that a token claims to be of, not verified; `undefined` where it is no JWT that says. */
export function claimedIssuer(token: string): string | undefined {
  const [, payload, signature, ...more] = token.split(".");
  if (payload === undefined || signature === undefined || more.length > 0) return undefined;
  try {
    // Whatever its algorithm: a token that says whose it is must not be shown to another.
    const claims: unknown = JSON.parse(new TextDecoder().decode(fromBase64url(payload)));
    return isJsonObject(claims) && typeof claims.iss === "string" ? claims.iss : undefined;
  } catch {
    return undefined;
  }
}

const NEVER_ISSUED = 0;
/** Seconds; the answer itself is not believed for longer. */
const UNSTATED_LIFETIME = 30;
/** Token types of access tokens (RFC 6750 §6.1.1, RFC 9449 §7.1): an endpoint may know refresh tokens too. */
const TOKEN_TYPES: ReadonlySet<string> = new Set(["bearer", "dpop"]);

/**
 * An active introspection response (RFC 7662 §2.2) under the same rules as a JWT's claims. What may be absent there: `iss` (it is who was
 * asked), `sub` (the client itself), `exp` (then the answer's own age bounds it) and `iat`: then the token counts as issued before
 * anything, so that whatever was revoked stays so.
 */
export function validateIntrospected(
  claims: JsonClaims,
  trusted: AccessTokenIssuer,
  expected: Pick<AccessTokenExpectation, "now" | "clockSkew">,
): VerifiedAccessToken {
  const { iss = trusted.issuer, token_type } = claims;
  if (iss !== trusted.issuer) refuse("token_issuer", "introspected as of another issuer");
  const known = typeof token_type === "string" ? TOKEN_TYPES.has(token_type.toLowerCase()) : token_type === undefined;
  // Without an audience nothing else would tell an access token from a refresh token.
  if (!known || (token_type === undefined && claims.aud === undefined)) refuse("token_malformed", "no access token");
  const name = trusted.dialect?.clientIdClaim ?? "client_id";
  const complete = { iat: NEVER_ISSUED, exp: expected.now + UNSTATED_LIFETIME, sub: claims[name], ...claims, iss };
  return validateClaims(complete, { ...trusted, dialect: trusted.dialect ?? {} }, expected);
}

/** Nothing of it is verified. @throws OAuthError `token_malformed` */
export function decodeAccessToken(token: string): DecodedJws {
  try {
    return decodeJws(token, MAX_TOKEN_LENGTH);
  } catch (error) {
    throw new OAuthError("token_malformed", { detail: (error as Error).message, cause: error });
  }
}

/** RFC 9068 §4: an ID token of the same issuer must not pass for an access token; `typ` is what tells them apart. */
function validateTyp(typ: unknown, dialect: TokenDialect | undefined): void {
  const value = typeof typ === "string" ? typ.toLowerCase().replace(/^application\//, "") : undefined;
  if (value === "at+jwt" || (typ === undefined && dialect?.withoutTyp === true)) return;
  if (value === undefined || !(dialect?.typ ?? []).some((accepted) => accepted.toLowerCase() === value)) {
    refuse("token_malformed", "typ is not at+jwt");
  }
}

/** RFC 9068 §4 and R-21: exact, no prefix, no trailing slash forgiven. */
function validateAudience(aud: unknown, { audience, clients, dialect }: AccessTokenIssuer): void {
  // Never without a rule in its place: then a token for anything that trusts this issuer would do.
  if (aud === undefined && dialect?.withoutAudience === true && clients !== undefined) return;
  const values: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!values.every((value) => typeof value === "string")) refuse("token_malformed", "aud is malformed");
  if (!values.some((value) => audience.includes(value as string))) refuse("token_audience", "other audience");
}

function validateTimes(
  claims: JsonClaims,
  { now, clockSkew }: Pick<AccessTokenExpectation, "now" | "clockSkew">,
): void {
  for (const name of ["exp", "iat", "nbf"]) {
    const value = claims[name];
    if (value === undefined && name === "nbf") continue;
    if (typeof value !== "number" || !(value >= 0 && value <= MAX_TIME))
      refuse("token_malformed", `${name} is malformed`);
  }
  if ((claims.exp as number) + clockSkew <= now) refuse("token_expired", "expired");
  const start = Math.max(claims.iat as number, typeof claims.nbf === "number" ? claims.nbf : 0);
  if (start - clockSkew > now) refuse("token_not_yet_valid", "not valid yet");
}

function readClaims(claims: JsonClaims, trusted: AccessTokenIssuer): VerifiedAccessToken {
  const { dialect } = trusted;
  const sub = readString(claims, "sub");
  const client_id = readString(claims, dialect?.clientIdClaim ?? "client_id");
  const [actor, ...chain] = readActors(claims.act);
  const verified = {
    iss: trusted.issuer,
    sub,
    client_id,
    sid: claims.sid === undefined ? undefined : readString(claims, "sid"),
    // RFC 9068 §2.2 requires `jti`; of the servers with a dialect, several send none.
    jti: claims.jti === undefined && dialect !== undefined ? undefined : readString(claims, "jti"),
    scopes: readScopes(claims, dialect),
    // RFC 9068 §2.2: where no person is behind a token, `sub` names the client.
    kind: sub === client_id ? "client" : "user",
    actor,
    chain,
    cnf: readConfirmation(claims.cnf),
    exp: claims.exp as number,
    iat: claims.iat as number,
  } as const;
  const optional = {
    ...(dialect?.roleClaims !== undefined && {
      asserted: dialect.roleClaims.flatMap((name) => claimValues(claimAt(claims, name))),
    }),
    ...(trusted.details === true && claims.authorization_details !== undefined && readDetails(claims)),
  };
  return Object.assign(verified, optional);
}

function readDetails(claims: JsonClaims): Pick<VerifiedAccessToken, "details"> {
  try {
    const details = readCallDetails(claims.authorization_details);
    return details.length === 0 ? {} : { details };
  } catch (error) {
    return refuse("token_malformed", (error as Error).message);
  }
}

function readScopes(claims: JsonClaims, dialect: TokenDialect | undefined): readonly string[] {
  const name = dialect?.scopeClaim ?? "scope";
  const value = claims[name];
  if (value === undefined || value === "") return [];
  const scopes: readonly unknown[] =
    typeof value === "string"
      ? value.split(" ")
      : Array.isArray(value) && dialect?.scopeClaim !== undefined
        ? value
        : [null];
  if (!scopes.every((scope) => typeof scope === "string" && SCOPE_TOKEN.test(scope))) {
    refuse("token_malformed", "scope is malformed");
  }
  const known = dialect?.scopes;
  const named = scopes as readonly string[];
  return [
    ...new Set(
      known === undefined ? named : named.flatMap((one) => (Object.hasOwn(known, one) ? (known[one] ?? []) : [])),
    ),
  ];
}

/** RFC 8693 §4.1: nested `act`, outermost is the current actor. Too long a chain is refused rather than cut. */
function readActors(act: unknown): readonly Actor[] {
  const actors: Actor[] = [];
  for (let next = act; next !== undefined; next = (next as JsonClaims).act) {
    if (!isJsonObject(next) || actors.length === MAX_ACTORS) refuse("token_malformed", "act is malformed or too deep");
    actors.push({
      sub: readString(next, "sub"),
      ...(next.iss === undefined ? {} : { iss: readString(next, "iss") }),
      ...(next.client_id === undefined ? {} : { client_id: readString(next, "client_id") }),
    });
  }
  return actors;
}

/** Any confirmation besides `jkt` asks for a check that nobody here makes: the token is refused (RFC 7800 §3.1, RFC 9449 §7.2). */
function readConfirmation(cnf: unknown): { readonly jkt: string } | undefined {
  if (cnf === undefined) return undefined;
  if (!isJsonObject(cnf) || Object.keys(cnf).length !== 1 || typeof cnf.jkt !== "string" || !THUMBPRINT.test(cnf.jkt)) {
    refuse("token_binding", "cnf that is not understood");
  }
  return { jkt: cnf.jkt };
}

function readString(claims: JsonClaims, name: string): string {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  if (typeof value !== "string" || value === "") refuse("token_malformed", `${name} is missing or malformed`);
  return value;
}

function refuse(reason: OAuthErrorReason, detail: string): never {
  throw new OAuthError(reason, { detail });
}
