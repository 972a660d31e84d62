import type { RevocationSelector, Rotation, Session, SessionStore } from "../authorization-server/storage.js";
import { OAuthError } from "../core/oauth-error.js";
import type { MemoryGrants } from "./memory-grants.js";

/** What is known of one refresh token. `successor`: it was rotated. */
interface RefreshToken {
  readonly session_id: string;
  readonly successor?: { readonly hash: string; readonly sealed: string; readonly at: number };
}

interface Tables {
  readonly sessions: Map<string, Session>;
  readonly tokens: Map<string, RefreshToken>;
  /** Shared with the grant store: revoking ends grants too. */
  readonly grants: MemoryGrants;
}

/** `SessionStore.create`, at once: for a step that does more than that. */
export type AddSession = (session: Session, refresh_hash: string | undefined) => void;

/** The sessions of {@link createMemoryStorage}. */
export function createMemorySessions(grants: MemoryGrants): {
  readonly sessions: SessionStore;
  readonly addSession: AddSession;
} {
  const tables: Tables = { sessions: new Map(), tokens: new Map(), grants };
  const addSession: AddSession = (session, refresh_hash) => add(tables, session, refresh_hash);
  return { sessions: createStore(tables), addSession };
}

function createStore(tables: Tables): SessionStore {
  const { sessions, tokens } = tables;
  return {
    async create(session, refresh_hash) {
      add(tables, session, refresh_hash);
    },
    async find(id) {
      return sessions.get(id);
    },
    async findByRefresh(refresh_hash) {
      const token = tokens.get(refresh_hash);
      const session = token && sessions.get(token.session_id);
      return session && { session, current: token.successor === undefined };
    },
    async rotate(rotation) {
      return rotate(tables, rotation);
    },
    async list(sub, now) {
      const live = [...sessions.values()].filter((session) => session.sub === sub && isLive(session, now));
      return live.sort((one, other) => other.created - one.created);
    },
    async revoke(selector, now) {
      return revoke(tables, selector, now);
    },
  };
}

function add({ sessions, tokens, grants }: Tables, session: Session, refresh_hash: string | undefined): void {
  if (!grants.has(session.grant_id)) throw new OAuthError("session_ended", { detail: "the grant is gone" });
  if (sessions.has(session.id)) throw new Error("this session exists");
  const parent = session.parent_id === undefined ? undefined : sessions.get(session.parent_id);
  if (session.parent_id !== undefined && (parent === undefined || !isLive(parent, session.created))) {
    throw new OAuthError("session_ended", { detail: "the parent session has ended" });
  }
  sessions.set(session.id, session);
  if (refresh_hash !== undefined) tokens.set(refresh_hash, { session_id: session.id });
}

function isLive(session: Session, now: number): boolean {
  return session.revoked === undefined && now < session.idle_expires && now < session.expires;
}

function rotate({ sessions, tokens }: Tables, rotation: Rotation): Awaited<ReturnType<SessionStore["rotate"]>> {
  const { presented_hash, now } = rotation;
  const token = tokens.get(presented_hash);
  const session = token && sessions.get(token.session_id);
  if (session === undefined || session.client_id !== rotation.client_id || session.dpop_jkt !== rotation.dpop_jkt) {
    return { status: "unknown" };
  }
  if (!isLive(session, now)) return { status: "ended", session };
  const successor = token?.successor;
  if (successor === undefined) {
    const next = Object.assign({}, session, { last_used: now, idle_expires: now + rotation.idle_lifetime });
    sessions.set(session.id, next);
    tokens.set(presented_hash, {
      session_id: session.id,
      successor: { hash: rotation.successor_hash, sealed: rotation.sealed_successor, at: now },
    });
    tokens.set(rotation.successor_hash, { session_id: session.id });
    return { status: "rotated", session: next };
  }
  const untouched = tokens.get(successor.hash)?.successor === undefined;
  if (untouched && now < successor.at + rotation.grace) {
    return { status: "repeated", session, sealed_successor: successor.sealed };
  }
  end(sessions, session, now);
  return { status: "reused", session: { ...session, revoked: now } };
}

/** Ends a live session and all that came of it. @returns how many ended */
function end(sessions: Map<string, Session>, session: Session, now: number): number {
  if (session.revoked !== undefined) return 0;
  sessions.set(session.id, { ...session, revoked: now });
  const children = [...sessions.values()].filter(({ parent_id }) => parent_id === session.id);
  return children.reduce((count, child) => count + end(sessions, child, now), 1);
}

function revoke({ sessions, grants }: Tables, selector: RevocationSelector, now: number): number {
  const { session_id, grant_id, issued_before } = selector;
  if (Object.values(selector).every((value) => value === undefined))
    throw new TypeError("a revocation names something");
  const names = (of: { sub: string; client_id: string; resource: string }) =>
    (selector.sub ?? of.sub) === of.sub &&
    (selector.client_id ?? of.client_id) === of.client_id &&
    (selector.resource ?? of.resource) === of.resource;
  const doomed = [...sessions.values()].filter((session) => {
    const named = names(session) && [session.id, undefined].includes(session_id);
    const under = [session.grant_id, undefined].includes(grant_id);
    return named && under && session.created < (issued_before ?? Infinity);
  });
  let ended = 0;
  // Read again: one of them may be another's child, and ended with it.
  for (const { id } of doomed) ended += end(sessions, sessions.get(id) as Session, now);
  if (session_id !== undefined) return ended;
  for (const grant of grants.all()) {
    const named = names(grant) && [grant.id, undefined].includes(grant_id);
    if (named && grant.updated < (issued_before ?? Infinity)) grants.delete(grant);
  }
  return ended;
}
