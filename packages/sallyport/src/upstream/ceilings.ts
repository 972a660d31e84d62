import type { System } from "@sallyport/auth";
import { UpstreamError } from "./upstream.js";

/** Counts the children of each principal and of all. */
export class Seats {
  readonly #taken = new Map<string, number>();
  #total = 0;

  constructor(private readonly limits: { readonly childrenPerPrincipal: number; readonly children: number }) {}

  get total(): number {
    return this.#total;
  }

  /** No place is left for one more child of this owner's own. */
  full(owner: string): boolean {
    return (this.#taken.get(owner) ?? 0) >= this.limits.childrenPerPrincipal;
  }

  /** Takes a place and gives the function that frees it, once. @throws UpstreamError `overloaded`. */
  take(owner: string): () => void {
    if (this.full(owner)) throw overloaded("this caller has as many servers running as one may have");
    if (this.#total >= this.limits.children) throw overloaded("as many servers are running as may run");
    this.#add(owner, 1);
    let free = false;
    return () => {
      if (!free) this.#add(owner, -1);
      free = true;
    };
  }

  #add(owner: string, difference: 1 | -1): void {
    const count = (this.#taken.get(owner) ?? 0) + difference;
    if (count === 0) this.#taken.delete(owner);
    else this.#taken.set(owner, count);
    this.#total += difference;
  }
}

function overloaded(message: string): UpstreamError {
  return new UpstreamError("overloaded", message, { retryAfter: 10 });
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
const MAX_OWNERS = 10_000;

/**
 * How long a principal waits for the next child after one that died young: 0.5 s, doubled each time up to 30 s. Kept for each principal
 * apart, so that one who can make a child crash delays nobody else.
 */
export class Backoff {
  readonly #failures = new Map<string, { readonly count: number; readonly until: number }>();

  constructor(private readonly system: System) {}

  /** @throws UpstreamError `overloaded` while the owner has to wait. */
  check(owner: string): void {
    const failure = this.#failures.get(owner);
    const waitMs = failure === undefined ? 0 : failure.until - this.system.monotonicMs();
    if (waitMs <= 0) return;
    throw new UpstreamError("overloaded", "the server has just failed to start", {
      retryAfter: Math.ceil(waitMs / 1_000),
    });
  }

  failed(owner: string): void {
    const count = (this.#failures.get(owner)?.count ?? 0) + 1;
    const waitMs = Math.min(FIRST_WAIT_MS * 2 ** Math.min(count - 1, 10), LONGEST_WAIT_MS);
    this.#failures.delete(owner);
    this.#failures.set(owner, { count, until: this.system.monotonicMs() + waitMs });
    const [oldest] = this.#failures.keys();
    if (oldest !== undefined && this.#failures.size > MAX_OWNERS) this.#failures.delete(oldest);
  }

  succeeded(owner: string): void {
    this.#failures.delete(owner);
  }
}
