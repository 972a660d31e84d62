import type { Principal } from "../core/principal.js";
import type { Liveness } from "./contract.js";

/** What is asked of the store behind an authorization server in the same process; its `SessionStore` answers it. */
export interface SessionRecords {
  find(
    id: string,
  ): Promise<{ readonly sub: string; readonly expires: number; readonly revoked: number | undefined } | undefined>;
}

/**
 * Is the session behind a token alive? For a resource server beside its own authorization server, on the same store: what was revoked there
 * is refused here at the next call. It asks the store at every call, and a store that does not answer refuses the call (503).
 * Does NOT look at what the person may be granted by now: `entitled` holds for everybody, and is what step-up may offer.
 */
export function liveSessions(
  sessions: SessionRecords,
  entitled: readonly string[],
): (principal: Principal, now: number) => Promise<Liveness> {
  const live: Liveness = { status: "live", roles: [], entitled: [...entitled], granted: undefined };
  return async ({ sid, sub }, now) => {
    const session = sid === undefined ? undefined : await sessions.find(sid).catch(() => "silent" as const);
    if (session === "silent") return { status: "unknown", retryAfter: 1 };
    const alive = session?.sub === sub && session.revoked === undefined && now < session.expires;
    return alive ? live : { status: "revoked" };
  };
}
