import { randomToken } from "../../system.js";
import { displayName } from "../pages/html.js";
import type { Session } from "../storage.js";
import type { TokenRequest } from "./grant-type.js";

/** What a session of one access token is about; the rest follows. */
export type SessionFacts = Pick<
  Session,
  "grant_id" | "parent_id" | "sub" | "client_id" | "resource" | "scopes" | "details" | "auth_time"
>;

/**
 * A session without a refresh token: it lasts as long as its one access token, and is there so that the token can be ended before. `latest`
 * (seconds) is when it ends at the latest; default: when the access token ends anyway.
 * @throws OAuthError `session_ended` when grant or parent have ended meanwhile
 */
export async function openSession(
  { server, client }: Pick<TokenRequest, "server"> & { readonly client?: TokenRequest["client"] },
  facts: SessionFacts,
  latest = Number.POSITIVE_INFINITY,
): Promise<Session> {
  const now = server.system.now();
  const expires = Math.min(now + server.lifetimes.accessToken, latest);
  const session: Session = {
    id: randomToken(server.system, 16),
    dpop_jkt: undefined,
    label: displayName(client?.metadata.client_name ?? "") || facts.client_id,
    created: now,
    last_used: now,
    idle_expires: expires,
    expires,
    revoked: undefined,
    ...facts,
  };
  await server.options.storage.sessions.create(session, undefined);
  return session;
}
