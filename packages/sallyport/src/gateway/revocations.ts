import type { Principal } from "@sallyport/auth";
import type { Change } from "./feed.js";

const ENDS: ReadonlySet<Change["kind"]> = new Set(["session", "grant", "client"]);

/**
 * What has been ended, for as long as a token from before can still be alive. Sessions never come back, so their tokens are refused whatever
 * their time; a grant or a client may be made anew, so only tokens issued up to the end count as ended.
 */
export class Revocations {
  readonly #ended = new Map<string, number>();
  #cutoff = 0;

  /** @param keepSeconds the longest life of an access token, with the clocks' difference. */
  constructor(private readonly keepSeconds: number) {}

  add({ kind, key, at }: Change): void {
    if (kind === "cutoff") this.#cutoff = Math.max(this.#cutoff, Number(key));
    else if (ENDS.has(kind)) this.#ended.set(`${kind} ${key}`, at);
  }

  /**
   * Is this caller's token ended? Own tokens carry their session, and ending a grant ends its sessions one by one; tokens of other issuers
   * have none, so there the grant's end counts.
   */
  ends({ sid, sub, client_id, iat }: Principal, resource: string): boolean {
    if (iat < this.#cutoff) return true;
    if (this.#ended.size === 0) return false;
    if (sid !== undefined && this.#ended.has(`session ${sid}`)) return true;
    if (iat <= (this.#ended.get(`client ${client_id}`) ?? -1)) return true;
    return sid === undefined && iat <= (this.#ended.get(`grant ${JSON.stringify([sub, client_id, resource])}`) ?? -1);
  }

  /** Forgets what no living token can be from. Insertion order is time order, near enough: it stops at the first that must stay. */
  prune(now: number): void {
    for (const [key, at] of this.#ended) {
      if (at + this.keepSeconds > now) return;
      this.#ended.delete(key);
    }
  }
}
