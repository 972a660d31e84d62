import { OAuthError } from "../core/oauth-error.js";
import { type DecodedJws, decodeJws, type JsonClaims } from "./jws.js";
import type { KeySet, VerifySignature } from "./key-set.js";

/** RFC 7523 §2.2. */
export const CLIENT_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

const MAX_ASSERTION_LENGTH = 8 * 1024;
/** Seconds. An assertion is made for one request; what lives longer would only have to be remembered longer. */
const MAX_LIFETIME = 600;
const CLOCK_SKEW = 60;

export interface ClientAssertionExpectation {
  readonly client_id: string;
  /** Exact values, one of which `aud` must be: the issuer, and for clients of RFC 7523's time the token endpoint. */
  readonly audience: readonly string[];
  /** The client's registered keys. */
  readonly keys: KeySet;
  readonly verifySignature: VerifySignature;
  /** Integer seconds. */
  readonly now: number;
}

/** The client that an assertion says it is from. Not verified. @throws OAuthError `client_authentication` */
export function subjectOfAssertion(assertion: string): string {
  const { sub } = decode(assertion).claims;
  if (typeof sub !== "string" || sub === "") throw refused("no sub");
  return sub;
}

/**
 * RFC 7523 §3: signed by the client's own key, from and about the client, for this server alone, short-lived, with an id.
 * Does NOT check replay: the caller records `jti` until `expires`. @throws OAuthError `client_authentication`, `keys_unavailable`
 */
export async function validateClientAssertion(
  assertion: string,
  expected: ClientAssertionExpectation,
): Promise<{ readonly jti: string; readonly expires: number }> {
  const { header, claims, signingInput, signature } = decode(assertion);
  const { now, client_id } = expected;
  if (claims.iss !== client_id || claims.sub !== client_id) throw refused("iss and sub must be the client_id");
  // One audience: an assertion that others take as well could be replayed here by them (RFC 7523bis §4).
  const aud = Array.isArray(claims.aud) && claims.aud.length === 1 ? claims.aud[0] : claims.aud;
  if (typeof aud !== "string" || !expected.audience.includes(aud)) throw refused("other audience");
  const expires = readExpiry(claims, now);
  if (typeof claims.jti !== "string" || claims.jti === "" || claims.jti.length > 256) throw refused("no jti");
  const key = await expected.keys.find({ alg: header.alg, kid: header.kid }, now);
  if (key === undefined || (await expected.verifySignature(header.alg, key, signingInput, signature)) !== true) {
    throw refused("signature");
  }
  return { jti: claims.jti, expires };
}

function readExpiry({ exp, iat, nbf }: JsonClaims, now: number): number {
  const isTime = (value: unknown) => typeof value === "number" && Number.isFinite(value);
  if (!isTime(exp) || ![iat, nbf].every((time) => time === undefined || isTime(time))) throw refused("times");
  const expires = Math.ceil(exp as number) + CLOCK_SKEW;
  if (expires <= now || expires > now + MAX_LIFETIME + 2 * CLOCK_SKEW) throw refused("expired, or good for too long");
  if ([iat, nbf].some((time) => typeof time === "number" && time - CLOCK_SKEW > now)) throw refused("not valid yet");
  return expires;
}

function decode(assertion: string): DecodedJws {
  try {
    return decodeJws(assertion, MAX_ASSERTION_LENGTH);
  } catch (cause) {
    throw new OAuthError("client_authentication", { detail: "the assertion is no JWT", cause });
  }
}

function refused(detail: string): OAuthError {
  return new OAuthError("client_authentication", { detail: `client assertion: ${detail}` });
}
