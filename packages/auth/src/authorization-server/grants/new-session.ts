import { displayName } from "../pages/html.js";
import type { CodeRecord, Session } from "../storage.js";
import type { TokenRequest } from "./grant-type.js";

/** What redeeming the code makes, when it is the first time. */
export function newSession(request: TokenRequest, record: CodeRecord, refresh_token: string | undefined): Session {
  const { server, client } = request;
  const { sub, client_id, resource, scopes, details, grant_id, auth_time } = record;
  const now = server.system.now();
  const { accessToken, session: absolute, sessionIdle } = server.lifetimes;
  // Without a refresh token the session is over when its one access token is.
  const expires = now + (refresh_token === undefined ? accessToken : absolute);
  return {
    id: record.session_id,
    grant_id,
    sub,
    client_id,
    resource,
    scopes,
    ...(details !== undefined && { details }),
    dpop_jkt: refreshKeyOf(request),
    label: displayName(client.metadata.client_name ?? "") || client_id,
    auth_time,
    created: now,
    last_used: now,
    idle_expires: Math.min(expires, now + sessionIdle),
    expires,
    revoked: undefined,
  };
}

/** RFC 9449 §5: refresh tokens of public clients are bound to the key; those of others are bound to the client, who may change keys. */
function refreshKeyOf({ client, proof }: TokenRequest): string | undefined {
  return client.metadata.token_endpoint_auth_method === "none" ? proof?.jkt : undefined;
}
