import { randomToken } from "../../system.js";
import { displayName } from "../pages/html.js";
import type { Session } from "../storage.js";
import type { TokenRequest } from "./grant-type.js";

/** What a session of one access token is about; the rest follows. */
export type SessionFacts = Pick<
  Session,
  "grant_id" | "parent_id" | "sub" | "client_id" | "resource" | "scopes" | "details" | "auth_time"
> & {
  /** Latest end, seconds; default: when the access token ends anyway. */
  readonly expires?: number;
};

/**
 * A session without a refresh token: it lasts as long as its one access token, and is there so that the token can be ended before.
 * @throws OAuthError `session_ended` when grant or parent have ended meanwhile
 */
export async function openSession(
  { server, client }: Pick<TokenRequest, "server"> & { readonly client?: TokenRequest["client"] },
  { expires: latest, ...facts }: SessionFacts,
): Promise<Session> {
  const now = server.system.now();
  const expires = Math.min(now + server.lifetimes.accessToken, latest ?? Number.POSITIVE_INFINITY);
  const session: Session = {
    id: randomToken(server.system, 16),
    ...facts,
    dpop_jkt: undefined,
    label: displayName(client?.metadata.client_name ?? "") || facts.client_id,
    created: now,
    last_used: now,
    idle_expires: expires,
    expires,
    revoked: undefined,
  };
  await server.options.storage.sessions.create(session, undefined);
  return session;
}
