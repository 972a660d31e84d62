import { OAuthError } from "../core/oauth-error.js";
import { type DecodedJws, decodeJws, type JsonClaims } from "./jws.js";
import type { KeySet, VerifySignature } from "./key-set.js";

/** RFC 7523 §2.1. */
export const JWT_BEARER_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer";

export interface AssertionExpectation {
  /** Exact values, one of which `aud` must be, alone. */
  readonly audience: readonly string[];
  readonly keys: KeySet;
  readonly verifySignature: VerifySignature;
  /** Integer seconds. */
  readonly now: number;
}

/** Characters. Tokens of platforms carry a lot. */
const MAX_LENGTH = 16 * 1024;
/** Seconds. */
const CLOCK_SKEW = 60;
const MAX_TIME = 253_402_300_799;

/** An assertion taken apart; nothing is verified. @throws OAuthError `assertion_refused` */
export function decodeAssertion(assertion: string): DecodedJws {
  try {
    return decodeJws(assertion, MAX_LENGTH);
  } catch (cause) {
    throw new OAuthError("assertion_refused", { detail: `no JWT: ${(cause as Error).message}`, cause });
  }
}

/** `typ` in its short form and lower case (RFC 7515 §4.1.9); `undefined`: absent. */
export function typOf({ header }: DecodedJws): string | undefined {
  return typeof header.typ === "string" ? header.typ.toLowerCase().replace(/^application\//, "") : undefined;
}

/**
 * RFC 7523 §3: for this server alone, in its time, signed by its issuer; the signature last, since it alone costs.
 * Does NOT check `iss`, which chose the keys, nor `typ`, `sub`, replay or anything that is a profile's own.
 * @returns until when it could be presented, seconds. @throws OAuthError `assertion_refused`, `keys_unavailable`
 */
export async function verifyAssertion(jws: DecodedJws, expected: AssertionExpectation): Promise<number> {
  const { header, claims, signingInput, signature } = jws;
  const { now } = expected;
  // One audience: what others take as well could be replayed here by them (RFC 7523bis §4).
  const aud = Array.isArray(claims.aud) && claims.aud.length === 1 ? (claims.aud as readonly unknown[])[0] : claims.aud;
  if (typeof aud !== "string" || !expected.audience.includes(aud)) throw refuseAssertion("other audience, or several");
  const expires = readTimes(claims, now);
  const key = await expected.keys.find({ alg: header.alg, kid: header.kid }, now);
  if (key === undefined) throw refuseAssertion("no such key");
  if ((await expected.verifySignature(header.alg, key, signingInput, signature)) !== true) {
    throw refuseAssertion("wrong signature");
  }
  return expires;
}

function readTimes({ exp, iat, nbf }: JsonClaims, now: number): number {
  const isTime = (value: unknown): value is number => typeof value === "number" && value >= 0 && value <= MAX_TIME;
  if (!isTime(exp) || ![iat, nbf].every((time) => time === undefined || isTime(time))) throw refuseAssertion("times");
  if (exp + CLOCK_SKEW <= now) throw refuseAssertion("expired");
  if ([iat, nbf].some((time) => isTime(time) && time - CLOCK_SKEW > now)) throw refuseAssertion("not valid yet");
  return Math.ceil(exp) + CLOCK_SKEW;
}

export function refuseAssertion(detail: string): OAuthError {
  return new OAuthError("assertion_refused", { detail });
}
