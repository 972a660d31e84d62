import { hasExpired } from "../core/call-detail-match.js";
import type { AskedCallDetail, CallDetail } from "../core/call-details.js";
import type { ClientMetadata } from "../core/client-metadata.js";
import type { DeviceStore } from "./device/device-storage.js";

/*
 * What the authorization server asks of a store. Every method that consumes something is ONE atomic step: two callers at once, in two
 * processes, get one success between them. A store that cannot answer rejects: with OAuthError `store_unavailable` when trying again makes
 * sense (the server answers 503), with any other error otherwise (500); nothing is issued then. Times are integer seconds; hashes are
 * base64url SHA-256. Secrets reach a store only as hashes or sealed.
 */

export interface ClientRecord {
  readonly metadata: ClientMetadata;
  /** Where it came from: RFC 7591 registration, configuration, or a client ID metadata document (never stored). */
  readonly origin: "registered" | "configured" | "document";
  /** SHA-256 of the client secret (256 random bits, so a plain hash is enough), for confidential clients. */
  readonly secret_hash: string | undefined;
  readonly created: number;
  /** When an unused registration goes away; `undefined`: never. A client with a live grant does not expire. */
  readonly expires: number | undefined;
}

export interface ClientStore {
  find(client_id: string, now: number): Promise<ClientRecord | undefined>;
  /** Refuses (rejects) a client_id that exists. */
  add(record: ClientRecord): Promise<void>;
}

/** A validated authorization request that waits for a person. */
export interface PendingAuthorization {
  /** 256 random bits; stored hashed by {@link PendingStore}. */
  readonly id: string;
  readonly client_id: string;
  readonly redirect_uri: string;
  readonly state: string | undefined;
  readonly code_challenge: string;
  readonly scopes: readonly string[];
  /** The resource asked for; `undefined` as in 2025-03-26, then the consent page settles it. */
  readonly resource: string | undefined;
  readonly prompt: string | undefined;
  readonly dpop_jkt: string | undefined;
  /** Of the device that asks, where one does: the answer goes to it, and nowhere else. */
  readonly device_hash?: string;
  /** Single calls that are asked for beside the scopes (RFC 9396); absent: none. */
  readonly details?: readonly AskedCallDetail[];
  readonly created: number;
  readonly expires: number;
}

export interface PendingStore {
  save(pending: PendingAuthorization): Promise<void>;
  find(id: string, now: number): Promise<PendingAuthorization | undefined>;
  /** Takes it away and returns it; a second call gets `undefined`. */
  consume(id: string, now: number): Promise<PendingAuthorization | undefined>;
}

/** What an authorization code stands for. */
export interface CodeRecord {
  readonly client_id: string;
  readonly redirect_uri: string;
  readonly code_challenge: string;
  readonly sub: string;
  readonly resource: string;
  /** Granted on the consent page. */
  readonly scopes: readonly string[];
  /** Granted there too; absent: none. */
  readonly details?: readonly CallDetail[];
  readonly grant_id: string;
  /** The session that redeeming makes; decided now, so that a replay knows what to revoke. Nobody is told before. */
  readonly session_id: string;
  readonly dpop_jkt: string | undefined;
  readonly auth_time: number;
  readonly expires: number;
}

/** What a code is given for. */
export interface Redemption {
  /** The session to make; its id is the code's `session_id`. */
  readonly session: Session;
  /** Of its first refresh token, where it has one. */
  readonly refresh_hash: string | undefined;
  readonly now: number;
}

export interface CodeStore {
  save(code_hash: string, record: CodeRecord): Promise<void>;
  /** Looks without taking. Redeemed and expired codes are found too for as long as the session they made can live. */
  find(code_hash: string): Promise<CodeRecord | undefined>;
  /**
   * Takes the code and makes its session, one atomic step: `redeemed` for exactly one caller ever, and only before `expires`; `used` for
   * everyone else, and whoever is told so because of another's redemption finds the session made. Rejects with OAuthError `session_ended`
   * when the code is good and its grant is gone. Unless it answers `redeemed` nothing has changed.
   */
  redeem(code_hash: string, redemption: Redemption): Promise<"redeemed" | "used">;
}

/** (subject, client, resource) with what was consented to. */
export interface Grant {
  readonly id: string;
  readonly sub: string;
  readonly client_id: string;
  readonly resource: string;
  readonly scopes: readonly string[];
  /** Single calls consented to, the newest last; absent: none. Sessions have theirs, so that nothing depends on how many are kept here. */
  readonly details?: readonly CallDetail[];
  readonly created: number;
  readonly updated: number;
}

/** Details that a grant keeps; older ones are forgotten, and those whose `exp` has passed. */
const MAX_GRANT_DETAILS = 50;

/** What a grant with the details `before` has after `added` at `now`; `undefined`: none. For stores. */
export function mergeDetails(
  before: readonly CallDetail[] | undefined,
  added: readonly CallDetail[] | undefined,
  now: number,
): readonly CallDetail[] | undefined {
  const ids = new Set(added?.map(({ id }) => id));
  const kept = (before ?? []).filter((detail) => !ids.has(detail.id) && !hasExpired(detail, now));
  const details = [...kept, ...(added ?? [])].slice(-MAX_GRANT_DETAILS);
  return details.length === 0 ? undefined : details;
}

export interface GrantStore {
  /**
   * Makes the grant or widens the live one of the same (sub, client_id, resource) by `scopes` and `details` (see {@link mergeDetails}); atomic,
   * returns what holds then.
   */
  widen(grant: Grant): Promise<Grant>;
  find(sub: string, client_id: string, resource: string): Promise<Grant | undefined>;
  list(sub: string): Promise<readonly Grant[]>;
}

/** One token family under a grant. */
export interface Session {
  readonly id: string;
  /** Of the first session of the chain, where this one has a parent: what was consented to there. */
  readonly grant_id: string;
  /** The session whose token was exchanged for this one (RFC 8693); this one ends with it, whichever way that ends. */
  readonly parent_id?: string | undefined;
  readonly sub: string;
  readonly client_id: string;
  readonly resource: string;
  /** Ceiling of every token of this session. */
  readonly scopes: readonly string[];
  /** Single calls of every token of this session, at most; absent: none. */
  readonly details?: readonly CallDetail[];
  readonly dpop_jkt: string | undefined;
  /** What a person reads in /account, for example the client's name and the day. */
  readonly label: string;
  readonly auth_time: number;
  readonly created: number;
  readonly last_used: number;
  /** Ends when not refreshed until then; pushed on by each rotation. */
  readonly idle_expires: number;
  /** Ends then in any case. */
  readonly expires: number;
  /** Set when it was ended. */
  readonly revoked: number | undefined;
}

export interface Rotation {
  readonly presented_hash: string;
  readonly client_id: string;
  readonly dpop_jkt: string | undefined;
  readonly successor_hash: string;
  /** The successor, sealed under a key derived from the predecessor: a stolen database opens nothing. */
  readonly sealed_successor: string;
  readonly now: number;
  /** For how many seconds the predecessor still yields the same successor, if that was not rotated itself. */
  readonly grace: number;
  readonly idle_lifetime: number;
}

/**
 * - `rotated`: `successor_hash` is the live token now.
 * - `repeated`: within the grace, same client and key: `sealed_successor` is what the first rotation stored.
 * - `reused`: the predecessor after its time; the session was revoked by this call.
 * - `ended`: session revoked or expired. `unknown`: no such token, or it is another client's or another key's (nothing changes then).
 */
export type RotationResult =
  | { readonly status: "rotated" | "reused" | "ended"; readonly session: Session }
  | { readonly status: "repeated"; readonly session: Session; readonly sealed_successor: string }
  | { readonly status: "unknown" };

/** Ends everything it names; all fields given must match. At least one field. */
export interface RevocationSelector {
  readonly session_id?: string;
  readonly grant_id?: string;
  readonly sub?: string;
  readonly client_id?: string;
  readonly resource?: string;
  /** Only sessions created, and grants last consented to, before this time. */
  readonly issued_before?: number;
}

export interface SessionStore {
  /**
   * Stores a session that comes from no code (see {@link CodeStore.redeem}) and, where it has one, the hash of its first refresh token.
   * Rejects with OAuthError `session_ended` when the grant or the parent session is gone.
   */
  create(session: Session, refresh_hash: string | undefined): Promise<void>;
  find(id: string): Promise<Session | undefined>;
  /** The session a refresh token (live or rotated) belongs to; for revocation and introspection. */
  findByRefresh(refresh_hash: string): Promise<{ readonly session: Session; readonly current: boolean } | undefined>;
  /** See {@link RotationResult}; one transaction. */
  rotate(rotation: Rotation): Promise<RotationResult>;
  /** Live sessions of a subject, newest first. */
  list(sub: string, now: number): Promise<readonly Session[]>;
  /**
   * Ends the sessions with all that descend from them, and the grants when the selector names no session. Durable before it resolves; every process learns of it
   * within 2 s through its revocation feed. Returns how many sessions ended.
   */
  revoke(selector: RevocationSelector, now: number): Promise<number>;
}

export interface ReplayStore {
  /** Atomic record-or-refuse: `true` the first time, `false` while `key` of `kind` is remembered (until `expires`). */
  record(kind: string, key: string, expires: number, now: number): Promise<boolean>;
}

/** All of it, as one argument. */
export interface AuthorizationServerStorage {
  readonly clients: ClientStore;
  readonly pending: PendingStore;
  readonly codes: CodeStore;
  readonly devices: DeviceStore;
  readonly grants: GrantStore;
  readonly sessions: SessionStore;
  readonly replay: ReplayStore;
}
