import { OAuthError } from "../core/oauth-error.js";
import { type VerifiedAccessToken, validateAccessToken } from "../oauth/access-token.js";
import { decodeJws } from "../oauth/jws.js";
import { localKeySet } from "../oauth/key-set.js";
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
}

/** An access token of ours with the session it belongs to; `undefined` for everything else, expired ones included. */
export async function findToken(server: Server, token: string): Promise<FoundToken | undefined> {
  try {
    const keys = localKeySet({ keys: await server.options.keys.publicKeys() });
    const own = { issuer: server.issuer, keys, audience: audiencesOf(server.options), details: true };
    const claims = await validateAccessToken(token, {
      issuerOf: (iss) => (iss === server.issuer ? own : undefined),
      verifySignature: (alg, key, input, signature) =>
        server.signatures.verify(token, key, () => server.cryptography.verifySignature(alg, key, input, signature)),
      now: server.system.now(),
      clockSkew: 0,
    });
    const session = claims.sid === undefined ? undefined : await server.options.storage.sessions.find(claims.sid);
    const { aud } = decodeJws(token, token.length).claims;
    // Ours have exactly one.
    return session && typeof aud === "string" ? { claims, session, audience: aud } : undefined;
  } catch (error) {
    if (error instanceof OAuthError) return undefined;
    throw error;
  }
}

/** Of our own tokens: resources, and the APIs behind them. */
function audiencesOf({ resources, apis = [] }: Server["options"]): readonly string[] {
  return [...resources(), ...apis.map(({ resource }) => resource)];
}
