import { setImmediate as turn } from "node:timers/promises";
import type { Liveness as LivenessAnswer, Principal, System } from "@sallyport/auth";
import type { Standing, StandingView } from "./contract.js";
import type { Change, ChangeFeed } from "./feed.js";
import { type RecordSource, Records, UNKNOWN } from "./records.js";
import { Revocations } from "./revocations.js";

export interface LivenessOptions {
  readonly feed: ChangeFeed;
  readonly records: RecordSource;
  readonly system: System;
  /** Longest life of an access token in seconds; default 600. What was ended is remembered for that long, and a minute for the clocks. */
  readonly tokenSeconds?: number;
  /** A signing key was removed, at any process: what was verified with it must be verified again. */
  readonly onKeyRemoved?: () => void;
  /** Milliseconds between two looks at the feed; default 500. */
  readonly lookEveryMs?: number;
  /** Milliseconds after which what was last heard is too old to say yes; default 5,000. */
  readonly staleAfterMs?: number;
  /** Callers remembered; default 50,000. */
  readonly callers?: number;
  /** Milliseconds that a call waits for the record of a caller seen for the first time; default 2,000. */
  readonly loadTimeoutMs?: number;
  /** Called with the name of each server whose tools were seen, changed or accepted, here or in another process. */
  readonly onCatalogue?: (server: string) => void;
  /** Somebody was disabled or enabled, has signed in elsewhere, or has other roles or entitlements. */
  readonly onUsers?: () => void;
  /** A secret of the operator was set or removed. */
  readonly onSecret?: () => void;
}

/** Rows that one read of the feed gives at most. */
const PAGE = 1_000;
/** Milliseconds in which hints become one look. */
const HINT_MS = 20;
const CLOCK_MARGIN_SECONDS = 60;
const REVOKED: LivenessAnswer = { status: "revoked" };

/**
 * What a process knows of sessions and users, in memory, so that every call can ask without waiting (design: JWT access tokens). It reads the
 * change feed on and on, and at once where the store tells of a change; when the feed is silent for too long the answer is `unknown`, which becomes 503: never yes, and never 401, for which
 * clients would throw good tokens away.
 */
export class Liveness implements StandingView {
  readonly #options: LivenessOptions;
  readonly #revocations: Revocations;
  readonly #records: Records;
  readonly #listeners = new Set<() => void>();
  readonly #staleAfterMs: number;
  #seq = 0;
  /** Monotonic milliseconds of the last question that the feed has answered. */
  #heard = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #hint: NodeJS.Timeout | undefined;
  #stopHearing: (() => Promise<void>) | undefined;

  constructor(options: LivenessOptions) {
    const { records, system, callers = 50_000, loadTimeoutMs = 2_000 } = options;
    const { tokenSeconds = 600, staleAfterMs = 5_000 } = options;
    this.#options = options;
    this.#staleAfterMs = staleAfterMs;
    this.#revocations = new Revocations(tokenSeconds + CLOCK_MARGIN_SECONDS);
    const onEnded = () => this.#tell();
    this.#records = new Records({ source: records, system, callers, loadTimeoutMs, onEnded });
  }

  /** For `ResourceServerOptions.isLive`. The same arrays come back until the record changes. */
  isLive(resource: string): (principal: Principal) => LivenessAnswer | Promise<LivenessAnswer> {
    return (principal) => {
      if (this.#revocations.ends(principal, resource)) return REVOKED;
      if (this.#isStale()) return UNKNOWN;
      const answer = this.#records.find(principal, resource);
      if (!(answer instanceof Promise)) return answer;
      // The session may have ended while its record was read.
      return answer.then((loaded) => (this.#revocations.ends(principal, resource) ? REVOKED : loaded));
    };
  }

  /** Waits for the records being loaded; `undefined`: none. Never rejects. */
  settled(): Promise<unknown> | undefined {
    return this.#records.loading();
  }

  standing(principal: Principal, resource: string): Standing {
    if (this.#revocations.ends(principal, resource) || this.#records.isEnded(principal, resource)) return "revoked";
    return this.#isStale() ? "stale" : "live";
  }

  onLook(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Milliseconds since the last question that the feed has answered; `Infinity` before the first. */
  get silentMs(): number {
    return this.#options.system.monotonicMs() - this.#heard;
  }

  /** Beyond so many milliseconds of silence the answer is `unknown`. */
  get boundMs(): number {
    return this.#staleAfterMs;
  }

  /** Reads the feed from its beginning, then looks again and again until {@link close}. @throws what the feed throws at the first read. */
  async start(): Promise<void> {
    await this.#read();
    const { lookEveryMs = 500 } = this.#options;
    this.#timer = setInterval(() => {
      void this.look();
      // A feed that hangs must not keep streams from being ended.
      if (this.#isStale()) this.#tell();
    }, lookEveryMs);
    this.#timer.unref();
    this.#stopHearing = this.#options.feed.onChange?.(() => this.#hear());
  }

  /** Many at once are one look; and one that began before the change was there does not count. */
  #hear(): void {
    this.#hint ??= setTimeout(() => {
      this.#hint = undefined;
      void Promise.resolve(this.#reading).then(() => this.look());
    }, HINT_MS);
    this.#hint.unref();
  }

  /** Reads all records again, because entitlements are no longer what they were. What is known is used for a second at most meanwhile. */
  reloadRecords(): void {
    this.#records.refreshAll();
  }

  close(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#hint);
    void this.#stopHearing?.();
  }

  /** One look at the feed, for those who drive the time themselves. Never rejects; two at once are one. */
  look(): Promise<void> {
    this.#reading ??= this.#look().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #look(): Promise<void> {
    const { system } = this.#options;
    try {
      await this.#read();
      this.#revocations.prune(system.now());
    } catch (error) {
      system.log("warn", "change feed not read", { error: String(error) });
    }
    this.#tell();
  }

  /** What was heard is as old as the question, not as the answer. */
  async #read(): Promise<void> {
    const { feed, system } = this.#options;
    for (let full = true; full; ) {
      const asked = system.monotonicMs();
      const changes = await feed.since(this.#seq);
      this.#apply(changes);
      full = changes.length >= PAGE;
      if (!full) this.#heard = asked;
      // An embedded store answers in microtasks: without this, after a cut-off of thousands, calls would wait for the last page.
      else await turn();
    }
  }

  #apply(changes: readonly Change[]): void {
    for (const change of changes) {
      this.#seq = Math.max(this.#seq, change.seq);
      this.#revocations.add(change);
    }
    this.#records.refresh(changes);
    const servers = changes.flatMap(({ kind, key }) => (kind === "catalogue" ? key : []));
    for (const server of new Set(servers)) this.#options.onCatalogue?.(server);
    const kinds = new Set(changes.map(({ kind }) => kind));
    if (kinds.has("key")) this.#options.onKeyRemoved?.();
    if (kinds.has("user")) this.#options.onUsers?.();
    if (kinds.has("secret")) this.#options.onSecret?.();
  }

  #isStale(): boolean {
    return this.silentMs > this.#staleAfterMs;
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Knows nothing, and so says `unknown`, until {@link Liveness.start}. */
export function createLiveness(options: LivenessOptions): Liveness {
  return new Liveness(options);
}
