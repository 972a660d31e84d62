import type { JWK } from "jose";
import { OAuthError } from "../core/oauth-error.js";
import { type Awaitable, chain } from "./awaitable.js";
import { type DecodedJws, decodeJws, isJsonObject } from "./jws.js";
import { isKeyFor, isPublicJwk, type SignatureAlgorithm, type VerifySignature } from "./key-set.js";
import { hasThumbprint, type Sha256, thumbprint } from "./thumbprint.js";

/** Algorithms accepted in proofs: one key per client and proof, so the cheap and common ones. */
export const DPOP_ALGORITHMS = [
  "ES256",
  "Ed25519",
  "EdDSA",
  "ES384",
  "RS256",
  "PS256",
] as const satisfies readonly SignatureAlgorithm[];

/** Port: record-or-refuse, in one step. `true` the first time, `false` while `key` of `kind` is remembered (until `expires`, seconds). */
export interface ReplayRecorder {
  record(kind: string, key: string, expires: number, now: number): Awaitable<boolean>;
}

/** Port: server-chosen nonces (RFC 9449 §8, §9), stateless or not. `./node` has stateless ones. */
export interface DpopNonces {
  /** The nonce to hand out now. */
  current(now: number): string;
  /** Whether a nonce was handed out by us, recently. */
  isCurrent(nonce: string, now: number): boolean;
}

export interface DpopExpectation {
  /** The request's method, as sent (RFC 9449 §4.3 step 8). */
  readonly htm: string;
  /** The request's public URL; query and fragment are ignored (step 9). */
  readonly htu: string;
  /** The access token that the proof comes with; its hash must be in `ath`. Absent at the token endpoint. */
  readonly accessToken?: string;
  /** The key that the token is bound to (`cnf.jkt`). */
  readonly jkt?: string;
  readonly nonces?: DpopNonces;
  /** Integer seconds. */
  readonly now: number;
}

export interface DpopPorts {
  readonly verifySignature: VerifySignature;
  readonly sha256: Sha256;
  readonly replay: ReplayRecorder;
}

export interface DpopProof {
  /** SHA-256 thumbprint of the proof's key (RFC 7638). */
  readonly jkt: string;
  readonly jti: string;
  readonly iat: number;
}

/** Seconds. `iat` may lie this far from our clock, either way; a `jti` is remembered until it cannot pass any more. */
const DPOP_WINDOW = 300;
const MAX_PROOF_LENGTH = 4 * 1024;
const MAX_JTI_LENGTH = 256;

/**
 * RFC 9449 §4.3, all twelve checks; the free ones first, then the signature, then the replay record, so that only a proof that is good in
 * every other respect takes a place in the store. Does NOT check that exactly one `DPoP` header came: the caller sees the headers.
 * @throws OAuthError `dpop_proof` or `dpop_nonce`, also as a rejection.
 */
export function validateDpopProof(proof: string, expected: DpopExpectation, ports: DpopPorts): Awaitable<DpopProof> {
  const jws = decodeOrRefuse(proof);
  const key = readKey(jws);
  const claims = readProofClaims(jws, expected);
  return chain(hashes(key, expected, ports.sha256), ({ jkt, ath }) => {
    if (expected.accessToken !== undefined && jws.claims.ath !== ath)
      refuse("ath is not the hash of this access token");
    if (expected.jkt !== undefined && expected.jkt !== jkt) refuse("another key than the token is bound to");
    return chain(isSigned(jws, key, ports.verifySignature), (valid) => {
      if (!valid) refuse("wrong signature");
      return recordOnce({ jkt, ...claims }, expected.now, ports.replay);
    });
  });
}

function decodeOrRefuse(proof: string): DecodedJws {
  try {
    return decodeJws(proof, MAX_PROOF_LENGTH);
  } catch (error) {
    throw new OAuthError("dpop_proof", { detail: (error as Error).message, cause: error });
  }
}

/** §4.3 steps 4 to 7: `typ`, an accepted algorithm, a public key in the header that fits it. */
function readKey({ header }: DecodedJws): JWK {
  if (header.typ !== "dpop+jwt") refuse("typ is not dpop+jwt");
  const jwk = header.jwk;
  if (!isJsonObject(jwk) || typeof jwk.kty !== "string") refuse("jwk is missing");
  if (!isPublicJwk(jwk as JWK)) refuse("jwk is not a public key");
  if (!isKeyFor(header.alg, jwk as JWK) || !hasThumbprint(jwk as JWK)) refuse("jwk does not fit alg");
  return jwk as JWK;
}

/** The key is the sender's own: one that cannot be imported is a bad proof, not a failure of ours. */
function isSigned(jws: DecodedJws, key: JWK, verifySignature: VerifySignature): Awaitable<boolean> {
  try {
    const valid = verifySignature(jws.header.alg, key, jws.signingInput, jws.signature);
    return valid instanceof Promise ? valid.catch(() => false) : valid;
  } catch {
    return false;
  }
}

/** Steps 8 to 11. */
function readProofClaims(
  { claims }: DecodedJws,
  expected: DpopExpectation,
): { readonly jti: string; readonly iat: number } {
  const { jti, iat, htm, htu, nonce } = claims;
  if (typeof jti !== "string" || jti === "" || jti.length > MAX_JTI_LENGTH) refuse("jti is missing or too long");
  if (htm !== expected.htm) refuse("htm is not this method");
  if (typeof htu !== "string" || normaliseHtu(htu) !== normaliseHtu(expected.htu)) refuse("htu is not this URL");
  if (typeof iat !== "number" || !(Math.abs(expected.now - iat) <= DPOP_WINDOW)) refuse("iat is not near now");
  if (expected.nonces !== undefined && !(typeof nonce === "string" && expected.nonces.isCurrent(nonce, expected.now))) {
    throw new OAuthError("dpop_nonce", { detail: nonce === undefined ? "no nonce" : "not a current nonce" });
  }
  return { jti, iat };
}

/** Step 9: compared after RFC 3986 §6.2.2 and §6.2.3 normalisation, without query and fragment. `undefined` for what is no http(s) URL. */
function normaliseHtu(value: string): string | undefined {
  if (!URL.canParse(value)) return undefined;
  const url = new URL(value);
  if (url.protocol !== "https:" && url.protocol !== "http:") return undefined;
  if (url.username !== "" || url.password !== "") return undefined;
  const path = url.pathname.replace(/%[0-9A-Fa-f]{2}/g, (triplet) => {
    const character = String.fromCharCode(Number.parseInt(triplet.slice(1), 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : triplet.toUpperCase();
  });
  return url.origin + path;
}

function hashes(key: JWK, { accessToken }: DpopExpectation, sha256: Sha256) {
  const ath: Awaitable<string | undefined> = accessToken === undefined ? undefined : sha256(accessToken);
  return chain(thumbprint(key, sha256), (jkt) => chain(ath, (value) => ({ jkt, ath: value })));
}

/** §11.1: a `jti` is used once. Keyed with the thumbprint, so that nobody uses up another client's identifiers. */
function recordOnce(proof: DpopProof, now: number, replay: ReplayRecorder): Awaitable<DpopProof> {
  const expires = Math.ceil(proof.iat) + DPOP_WINDOW + 1;
  return chain(replay.record("dpop", `${proof.jkt}:${proof.jti}`, expires, now), (first) =>
    first === true ? proof : refuse("used before"),
  );
}

function refuse(detail: string): never {
  throw new OAuthError("dpop_proof", { detail });
}
