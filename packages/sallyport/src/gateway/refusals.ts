import type { Principal, System } from "@sallyport/auth";
import type { RefusalObserver } from "./contract.js";

/** Seconds for which a consent page may name the call that wanted more. */
const REMEMBERED = 600;
/** Seconds within which a refresh counts as the client's answer to a refusal. */
const ANSWERED_WITHIN = 10;
/** A session that is refused over and over costs one write in so many milliseconds. */
const WRITE_EVERY_MS = 1_000;
const MAX_PACED = 10_000;

/** One call that was refused for its scope: names only. */
export interface ScopeRefusal {
  readonly session_id: string;
  readonly sub: string;
  readonly client_id: string;
  readonly resource: string;
  readonly tool: string;
  readonly scopes: readonly string[];
  /** Of a revision before 2026-07-28: the client may be one that answers a scope challenge by refreshing. */
  readonly legacy: boolean;
  readonly at: number;
}

/** Port: the newest refusal of each session, known to every process that may serve the next request of its client. */
export interface RefusalStore {
  /** Replaces what was kept of this session. */
  save(refusal: ScopeRefusal): Promise<void>;
  /** The newest one of this person through this client there, if it came after `after` (integer seconds). */
  last(
    who: Pick<ScopeRefusal, "sub" | "client_id" | "resource">,
    after: number,
  ): Promise<Pick<ScopeRefusal, "tool" | "scopes"> | undefined>;
  /** Atomic: `true` for one caller ever for each `legacy` refusal that was saved of this session and came after `after`. */
  take(session_id: string, after: number): Promise<boolean>;
}

export interface Refusals extends RefusalObserver {
  /** What the consent page of a step-up may say wants it. */
  last(
    who: Pick<ScopeRefusal, "sub" | "client_id" | "resource">,
    now: number,
  ): Promise<Pick<ScopeRefusal, "tool" | "scopes"> | undefined>;
  /** Is a refresh of this session the answer to a refusal that it cannot change? Says `true` once for each refusal. */
  take(session_id: string, now: number): Promise<boolean>;
}

/** What is not kept (a store that fails, a token of another issuer) costs a sentence on a page, and a step-up that needs a second try. */
export function createRefusals(
  store: RefusalStore,
  { issuer, system }: { readonly issuer: string; readonly system: System },
): Refusals {
  const written = new Map<string, number>();
  const isPaced = (session_id: string) => {
    const nowMs = system.monotonicMs();
    if (nowMs - (written.get(session_id) ?? Number.NEGATIVE_INFINITY) < WRITE_EVERY_MS) return true;
    written.delete(session_id);
    written.set(session_id, nowMs);
    const [oldest] = written.keys();
    if (written.size > MAX_PACED && oldest !== undefined) written.delete(oldest);
    return false;
  };
  return {
    async observe(principal, refused) {
      const session_id = ownSession(principal, issuer);
      if (session_id === undefined || isPaced(session_id)) return;
      try {
        await store.save({ session_id, sub: principal.sub, client_id: principal.client_id, ...refused });
      } catch (error) {
        system.log("warn", "scope refusal not kept", { error: String(error) });
      }
    },
    last: (who, now) => store.last(who, now - REMEMBERED),
    take(session_id, now) {
      written.delete(session_id);
      return store.take(session_id, now - ANSWERED_WITHIN);
    },
  };
}

/** Sessions of other issuers are neither refreshed nor consented to here. */
function ownSession({ iss, sid }: Principal, issuer: string): string | undefined {
  return iss === issuer ? sid : undefined;
}
