import { OAuthError } from "../core/oauth-error.js";
import { type VerifiedAccessToken, validateAccessToken } from "../oauth/access-token.js";
import { localKeySet } from "../oauth/key-set.js";
import type { Server } from "./server.js";
import type { Session } from "./storage.js";

/** An access token of ours with the session it belongs to; `undefined` for everything else, expired ones included. */
export async function findToken(
  server: Server,
  token: string,
): Promise<{ readonly claims: VerifiedAccessToken; readonly session: Session } | undefined> {
  try {
    const keys = localKeySet({ keys: await server.options.keys.publicKeys() });
    const own = { issuer: server.issuer, keys, audience: audiencesOf(server.options), details: true };
    const claims = await validateAccessToken(token, {
      issuerOf: (iss) => (iss === server.issuer ? own : undefined),
      verifySignature: server.cryptography.verifySignature,
      now: server.system.now(),
      clockSkew: 0,
    });
    const session = claims.sid === undefined ? undefined : await server.options.storage.sessions.find(claims.sid);
    return session && { claims, session };
  } catch (error) {
    if (error instanceof OAuthError) return undefined;
    throw error;
  }
}

/** Of our own tokens: resources, and the APIs behind them. */
function audiencesOf({ resources, apis = [] }: Server["options"]): readonly string[] {
  return [...resources(), ...apis.map(({ resource }) => resource)];
}
