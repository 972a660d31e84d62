import { type KeySet, OAuthError } from "@sallyport/auth";
import { importJWK, type JWTPayload, jwtVerify } from "jose";

/** Whom a provider has signed out. */
export interface ForeignLogout {
  /** At least one of the two is there. */
  readonly subject: string | undefined;
  /** The provider's session, which an ID token has named before. */
  readonly sid: string | undefined;
  readonly jti: string;
  /** When the provider said it, by its clock; integer seconds. */
  readonly issued: number;
  /** Until when it could be brought again. */
  readonly expires: number;
}

export interface LogoutExpectation {
  readonly issuer: string;
  readonly clientId: string;
  readonly keys: KeySet;
  /** Integer seconds. */
  readonly now: number;
}

/** The message is for the log; it holds no part of the token. */
export class LogoutTokenError extends Error {
  override readonly name = "LogoutTokenError";
}

/** OpenID Connect Back-Channel Logout 1.0 §2.4. */
const EVENT = "http://schemas.openid.net/event/backchannel-logout";
/** Seconds. §2.4 recommends that a token lives two minutes at most; providers take ten. */
const MAX_AGE = 600;
const CLOCK_SKEW = 60;
/** RFC 8725 §3.1: never `none`, never with the client secret. */
const ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"] as const;
const MAX_LENGTH = 16 * 1024;
const MAX_JTI = 512;
const MAX_SID = 512;

/**
 * A logout token, checked as §2.6 says: signature by the issuer's key and with an algorithm of its ID tokens, `iss`, `aud`, times, the event, and no
 * `nonce`, so that no ID token passes for one. Does NOT know whether `sub` and `sid` belong together, whether it was used before, nor whether
 * anybody is signed in.
 * @throws LogoutTokenError; OAuthError `keys_unavailable` while the keys cannot be read
 */
export async function verifyLogoutToken(token: string, expected: LogoutExpectation): Promise<ForeignLogout> {
  if (token.length > MAX_LENGTH) throw new LogoutTokenError("too long");
  const { payload, protectedHeader } = await verify(token, expected);
  // The recommended type, or one of those that providers send instead.
  const typ = protectedHeader.typ?.toLowerCase().replace(/^application\//, "");
  if (typ !== undefined && typ !== "logout+jwt" && typ !== "jwt") throw new LogoutTokenError("another type of token");
  if ("nonce" in payload) throw new LogoutTokenError("it has a nonce, so it is an ID token");
  if (!hasEvent(payload)) throw new LogoutTokenError("it does not say that somebody signed out");
  const { sub, sid, jti, iat = 0, exp = 0 } = payload;
  if (typeof jti !== "string" || jti === "" || jti.length > MAX_JTI) throw new LogoutTokenError("no usable jti");
  if (sub !== undefined && (typeof sub !== "string" || sub === "")) throw new LogoutTokenError("no usable sub");
  if (sid !== undefined && !isSid(sid)) throw new LogoutTokenError("no usable sid");
  if (sub === undefined && sid === undefined) throw new LogoutTokenError("it names neither a subject nor a session");
  // One audience: what is meant for others too could be brought here by them.
  if (Array.isArray(payload.aud) && payload.aud.length !== 1) throw new LogoutTokenError("several audiences");
  return { subject: sub, sid, jti, issued: Math.floor(iat), expires: Math.ceil(exp) + CLOCK_SKEW };
}

/** §2.1: an opaque text that names one session of the issuer. */
export function isSid(sid: unknown): sid is string {
  return typeof sid === "string" && sid !== "" && sid.length <= MAX_SID;
}

async function verify(token: string, { issuer, clientId, keys, now }: LogoutExpectation) {
  try {
    return await jwtVerify(
      token,
      async ({ alg, kid }) => {
        const key = await keys.find({ alg: String(alg), kid }, now);
        if (key === undefined) throw new LogoutTokenError("no such key");
        return importJWK(key, alg);
      },
      {
        issuer,
        audience: clientId,
        algorithms: [...ALGORITHMS],
        clockTolerance: CLOCK_SKEW,
        currentDate: new Date(now * 1000),
        maxTokenAge: MAX_AGE,
        requiredClaims: ["iat", "exp", "jti", "events"],
      },
    );
  } catch (error) {
    if (error instanceof LogoutTokenError || error instanceof OAuthError) throw error;
    throw new LogoutTokenError(error instanceof Error ? error.message : "unknown error", { cause: error });
  }
}

function hasEvent({ events }: JWTPayload): boolean {
  if (typeof events !== "object" || events === null || Array.isArray(events)) return false;
  const event = (events as Readonly<Record<string, unknown>>)[EVENT];
  return typeof event === "object" && event !== null && !Array.isArray(event);
}
