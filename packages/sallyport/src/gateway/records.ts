import {
  type EntitledBy,
  type Liveness as LivenessAnswer,
  type Principal,
  principalKey,
  type System,
} from "@sallyport/auth";
import { externalKeys } from "../federation/external-grants.js";
import type { Change } from "./feed.js";

/** What our own records say of one caller on one server, now. */
export interface PrincipalRecord {
  readonly roles: readonly string[];
  /** The entitlement: scopes that may be granted; `[]` = none. */
  readonly entitled: readonly string[];
  readonly entitledBy?: EntitledBy;
  /** Scopes of the grant (subject, client, resource); `undefined` where grants are not kept for this issuer. */
  readonly granted: readonly string[] | undefined;
  /** From this second on the record must be asked for again, because roles in it grow too old; absent: never by itself. */
  readonly until?: number | undefined;
  /** Tokens issued up to this second were ended here; absent: none. */
  readonly revokedAt?: number | undefined;
}

/** Port: asks the store. */
export interface RecordSource {
  /**
   * `undefined`: nobody by that name, disabled, or a grant that should be there and is not; then the token is as good as revoked. Rejects
   * when the store does not answer.
   */
  load(principal: Principal, resource: string): Promise<PrincipalRecord | undefined>;
}

export interface RecordsOptions {
  readonly source: RecordSource;
  readonly system: System;
  /** Callers remembered. */
  readonly callers: number;
  /** Milliseconds for a record that a caller waits for. */
  readonly loadTimeoutMs: number;
  /** Called when a caller who was live is no longer. */
  readonly onEnded: () => void;
}

/** A record that the feed says has changed is still used for so many milliseconds while it is loaded again. */
const RELOAD_GRACE_MS = 1_000;
const REVOKED: LivenessAnswer = { status: "revoked" };
/** What a caller gets whose record does not come. */
export const UNKNOWN: LivenessAnswer = { status: "unknown", retryAfter: 1 };
/** Tokens of one caller that are told apart; more only cost a load. */
const MAX_TOKENS = 32;

/** One caller on one server. Changed in place, so that whoever holds it sees the change. */
interface Entry {
  readonly principal: Principal;
  readonly resource: string;
  readonly tokens: Set<string>;
  answer: LivenessAnswer;
  until: number;
  revokedAt: number;
  /** Monotonic milliseconds: when the answer was asked for, and since when it is known to be out of date. */
  asked: number;
  outdated: number | undefined;
  forgotten: boolean;
}

/**
 * User records in memory. A record is loaded at the first sight of every *token*, not only of every caller: a token that comes from a wider
 * consent must not be judged by the grant as it was before. The feed says which records to load again.
 */
export class Records {
  readonly #entries = new Map<string, Entry>();
  /** By the very object that a verified token keeps: one lookup without building a key, for every call. */
  readonly #byPrincipal = new Map<string, WeakMap<Principal, Entry>>();
  readonly #loads = new Map<string, Promise<void>>();

  constructor(private readonly options: RecordsOptions) {}

  /** At once for a caller whose token was seen before; otherwise when the record is here. Never rejects: what cannot be loaded is unknown. */
  find(principal: Principal, resource: string): LivenessAnswer | Promise<LivenessAnswer> {
    const seen = this.#byPrincipal.get(resource)?.get(principal);
    if (seen !== undefined && !seen.forgotten) {
      const answer = this.#answerOf(seen, principal);
      if (answer !== undefined) return answer;
    }
    const key = keyOf(principal, resource);
    return this.#known(key, principal, resource) ?? this.#ask(key, principal, resource);
  }

  /** For an exchange under way, whose token may long be forgotten: what is known, without loading. */
  isEnded(principal: Principal, resource: string): boolean {
    const entry = this.#entries.get(keyOf(principal, resource));
    return entry !== undefined && (entry.answer.status === "revoked" || principal.iat <= entry.revokedAt);
  }

  loading(): Promise<unknown> | undefined {
    return this.#loads.size === 0 ? undefined : Promise.all(this.#loads.values());
  }

  /** Marks what changed as out of date, and loads everything that is, again and again until it succeeds. */
  refresh(changes: readonly Change[]): void {
    const changed = new Set(changes.map(({ kind, key }) => `${kind} ${key}`));
    const now = this.options.system.monotonicMs();
    for (const [key, entry] of this.#entries) {
      const { principal, resource } = entry;
      if (changed.size > 0 && keysOf(principal, resource).some((one) => changed.has(one))) entry.outdated = now;
      else if (this.#isOver(entry)) entry.outdated ??= now;
      if (entry.outdated !== undefined) void this.#load(key, principal, resource);
    }
  }

  /** What everybody may be granted has changed: as if the feed had named every caller. */
  refreshAll(): void {
    const now = this.options.system.monotonicMs();
    for (const [key, entry] of this.#entries) {
      entry.outdated = now;
      void this.#load(key, entry.principal, entry.resource);
    }
  }

  #known(key: string, principal: Principal, resource: string): LivenessAnswer | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || !entry.tokens.has(tokenOf(principal))) return undefined;
    const ofResource = this.#byPrincipal.get(resource) ?? new WeakMap<Principal, Entry>();
    this.#byPrincipal.set(resource, ofResource.set(principal, entry));
    return this.#answerOf(entry, principal);
  }

  /** `undefined`: it has to be asked for again. */
  #answerOf(entry: Entry, principal: Principal): LivenessAnswer | undefined {
    const { outdated } = entry;
    const late = outdated !== undefined && this.options.system.monotonicMs() - outdated > RELOAD_GRACE_MS;
    if (late || this.#isOver(entry)) return undefined;
    return principal.iat <= entry.revokedAt ? REVOKED : entry.answer;
  }

  /** Roles are exact to the second: there is no grace for what has grown too old. */
  #isOver({ until }: Entry): boolean {
    return until !== Number.POSITIVE_INFINITY && this.options.system.now() >= until;
  }

  /** A store that hangs must not hang its callers. */
  #ask(key: string, principal: Principal, resource: string): Promise<LivenessAnswer> {
    return new Promise((resolve) => {
      const answer = () => {
        clearTimeout(timer);
        resolve(this.#known(key, principal, resource) ?? UNKNOWN);
      };
      const timer = setTimeout(answer, this.options.loadTimeoutMs);
      // It never rejects.
      void this.#load(key, principal, resource).then(answer);
    });
  }

  #load(key: string, principal: Principal, resource: string): Promise<void> {
    const id = `${key} ${tokenOf(principal)}`;
    const running = this.#loads.get(id);
    if (running !== undefined) return running;
    const load = this.#fill(key, principal, resource).finally(() => this.#loads.delete(id));
    this.#loads.set(id, load);
    return load;
  }

  async #fill(key: string, principal: Principal, resource: string): Promise<void> {
    const { source, system } = this.options;
    const asked = system.monotonicMs();
    try {
      const record = await source.load(principal, resource);
      const loaded = readRecord(record);
      const entry = this.#entries.get(key) ?? this.#remember(key, { principal, resource, asked, ...loaded });
      if (entry.tokens.size >= MAX_TOKENS) entry.tokens.clear();
      entry.tokens.add(tokenOf(principal));
      // A slower answer to an earlier question says nothing new.
      if (entry.asked > asked) return;
      const ended = entry.answer.status === "live" && loaded.answer.status === "revoked";
      const cut = loaded.revokedAt > entry.revokedAt;
      Object.assign(entry, loaded, { asked });
      // A change that was announced while the store was answering may not be in the answer.
      if (entry.outdated !== undefined && entry.outdated < asked) entry.outdated = undefined;
      if (ended || cut) this.options.onEnded();
    } catch (error) {
      system.log("warn", "user record not loaded", { sub: principal.sub, error: String(error) });
    }
  }

  /** The caller remembered longest goes first; it is loaded again if it comes back. */
  #remember(key: string, first: Omit<Entry, "tokens" | "outdated" | "forgotten">): Entry {
    const entry: Entry = { ...first, tokens: new Set(), outdated: undefined, forgotten: false };
    this.#entries.set(key, entry);
    for (const [oldest, gone] of this.#entries) {
      if (this.#entries.size <= this.options.callers) break;
      gone.forgotten = true;
      this.#entries.delete(oldest);
    }
    return entry;
  }
}

function readRecord(record: PrincipalRecord | undefined): Pick<Entry, "answer" | "until" | "revokedAt"> {
  const { until = Number.POSITIVE_INFINITY, revokedAt = Number.NEGATIVE_INFINITY, ...known } = record ?? {};
  return {
    answer: record === undefined ? REVOKED : ({ status: "live", ...known } as LivenessAnswer),
    until,
    revokedAt,
  };
}

/** A session apart from the caller's others: an exchanged one stands under the grant of another client. */
function keyOf(principal: Principal, resource: string): string {
  return `${resource} ${principal.sid ?? ""} ${principalKey(principal)}`;
}

/** Every change that concerns one caller on one server, as {@link Records.refresh} names them. */
function keysOf({ iss, sub, client_id }: Principal, resource: string): readonly string[] {
  return [
    `user ${sub}`,
    `grant ${JSON.stringify([sub, client_id, resource])}`,
    ...externalKeys({ issuer: iss, sub, client_id }).map((key) => `grant ${key}`),
  ];
}

/** What tells one token from another, without the token. */
function tokenOf({ jti, sid, iat }: Principal): string {
  return jti ?? `${sid} ${iat}`;
}
