/**
 * What every process must learn of within 2 s. The store appends one row in the same transaction as the change it announces;
 * processes read on from the last `seq` they saw. A row is never changed; rows older than the longest access token may go.
 */
export interface Change {
  readonly seq: number;
  /**
   * `session`: ended. `grant`: ended. `user`: disabled, or roles or entitlements changed. `client`: removed. `cutoff`: all tokens issued before.
   * `catalogue`: tools of a server were seen, changed or accepted. `key`: a signing key was removed.
   * `secret`: of the operator, set or removed.
   */
  readonly kind: "session" | "grant" | "user" | "client" | "cutoff" | "catalogue" | "key" | "secret";
  /** Session id, grant key (`JSON.stringify([sub, client_id, resource])`), sub, client_id, time in seconds, the server's name, the key's `kid`, or the secret's name. */
  readonly key: string;
  readonly at: number;
}

export interface ChangeFeed {
  /** Rows after `seq` in order, at most 1,000. Rejects when the store does not answer: the caller's age of knowledge grows then. */
  since(seq: number): Promise<readonly Change[]>;
  /**
   * Where the store tells of changes by itself: calls back soon after one was announced. A hint only, which may be missing or come twice; who
   * has it still looks from time to time. Returns the end of it.
   */
  onChange?(listener: () => void): () => Promise<void>;
  /** The newest `seq`, for a process that starts. */
  head(): Promise<number>;
}
