import { OAuthError } from "../core/oauth-error.js";
import { decodeAccessToken, type VerifiedAccessToken, validateDecoded } from "../oauth/access-token.js";
import { type KeySet, requirePublic, selectKey } from "../oauth/key-set.js";
import type { Server } from "./server.js";
import type { Session } from "./storage.js";

export interface FoundToken {
  readonly claims: VerifiedAccessToken;
  readonly session: Session;
  /**
   * What the token itself is for. Not always the resource of its session: a gateway makes tokens for the APIs behind it in its own process, and
   * those are of the session that the caller has in front.
   */
  readonly audience: string;
  /** RFC 8693 §4.4, as it is in the token. */
  readonly may_act: unknown;
}

/** An access token of ours with the session it belongs to; `undefined` for everything else, expired ones included. */
export async function findToken(server: Server, token: string): Promise<FoundToken | undefined> {
  try {
    const jws = decodeAccessToken(token);
    // Not left out: then nothing could be revoked, and that would be answered as if it were.
    const publicKeys = requirePublic(await server.options.keys.publicKeys());
    const keys: KeySet = { find: (header) => selectKey(publicKeys, header) };
    const own = { issuer: server.issuer, keys, audience: audiencesOf(server.options), details: true };
    const claims = await validateDecoded(jws, {
      issuerOf: (iss) => (iss === server.issuer ? own : undefined),
      verifySignature: (alg, key, input, signature) =>
        server.signatures.verify(token, key, () => server.cryptography.verifySignature(alg, key, input, signature)),
      now: server.system.now(),
      clockSkew: 0,
    });
    const session = claims.sid === undefined ? undefined : await server.options.storage.sessions.find(claims.sid);
    const { aud, may_act } = jws.claims;
    // Ours have exactly one.
    return session && typeof aud === "string" ? { claims, session, audience: aud, may_act } : undefined;
  } catch (error) {
    if (error instanceof OAuthError) return undefined;
    throw error;
  }
}

/** Of our own tokens: resources, and the APIs behind them. */
function audiencesOf({ resources, apis = [] }: Server["options"]): readonly string[] {
  return [...resources(), ...apis.map(({ resource }) => resource)];
}
