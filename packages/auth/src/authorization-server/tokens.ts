import { formatScope } from "../core/scope.js";
import { formatAccessToken } from "../oauth/access-token.js";
import { randomToken } from "../system.js";
import { jsonResponse } from "./responses.js";
import type { Server } from "./server.js";
import type { Session } from "./storage.js";

/**
 * RFC 6749 §5.1: the answer of every grant. The access token is a JWT by RFC 9068 for the session's one resource, lives no longer than
 * the session, and carries the session's id, by which it can be ended. `scope` is always said, also when it is what was asked.
 */
export async function tokenResponse(
  server: Server,
  session: Session,
  granted: { readonly scopes: readonly string[]; readonly refresh_token: string | undefined },
): Promise<Response> {
  const iat = server.system.now();
  const exp = Math.min(iat + server.lifetimes.accessToken, session.expires);
  const scope = formatScope(granted.scopes);
  const claims = {
    iss: server.issuer,
    sub: session.sub,
    aud: session.resource,
    client_id: session.client_id,
    scope,
    jti: randomToken(server.system, 16),
    iat,
    exp,
    sid: session.id,
    auth_time: session.auth_time,
  };
  return jsonResponse({
    access_token: await formatAccessToken(claims, server.options.keys),
    token_type: "Bearer",
    expires_in: exp - iat,
    scope,
    ...(granted.refresh_token === undefined ? {} : { refresh_token: granted.refresh_token }),
  });
}
