import { setTimeout as delay } from "node:timers/promises";
import { OAuthError } from "@sallyport/auth";
import type { Kysely, Transaction } from "kysely";
import type { Schema } from "./schema.js";

/** What every port is written on: one database, whichever it is. */
export interface Backend {
  readonly kind: "sqlite" | "postgres";
  /** For single reading statements. Whatever writes goes through {@link write} or {@link writeOne}. */
  readonly db: Kysely<Schema>;
  /**
   * Runs `step` in one transaction that behaves as if no other ran at the same time: alone (SQLite: BEGIN IMMEDIATE) or serializable.
   * Durable before it resolves. `step` may run again after a conflict, so it touches nothing but `tx`. Rejects when the step throws
   * or the database cannot answer in time; nothing is changed then.
   */
  write<T>(step: (tx: Transaction<Schema>) => Promise<T>): Promise<T>;
  /** The same for one statement that is atomic by itself, which needs no transaction around it and costs half. */
  writeOne<T>(statement: (db: Kysely<Schema>) => Promise<T>): Promise<T>;
  /** Reads everything as it is at one moment, while others go on reading and writing. `read` writes nothing. */
  snapshot<T>(read: (tx: Transaction<Schema>) => Promise<T>): Promise<T>;
  /** One transaction for changing the tables themselves: of several at once, in any process, one runs and the others wait for it. */
  alone<T>(step: (tx: Transaction<Schema>) => Promise<T>): Promise<T>;
  /** Where the database tells of them: calls back soon after other processes have announced changes. A hint, never a promise. Returns the end of it. */
  listen?(onNotice: () => void): () => Promise<void>;
  close(): Promise<void>;
}

const FIRST_DELAY_MS = 1;
const LONGEST_DELAY_MS = 25;

/** How long a database may keep an answer waiting unless an option says otherwise: what waits for it is then refused within 5 s. */
export const ANSWER_WITHIN_MS = 4_500;

/**
 * Repeats `run` while it fails with a conflict that passes, waiting 1, 2, 4 … 25 ms in between without blocking the process, for `limitMs`
 * in all. @throws OAuthError `store_unavailable` after that: a database that is busy is not a defect of ours.
 */
export async function retrying<T>(
  run: () => Promise<T>,
  options: { readonly isTransient: (error: unknown) => boolean; readonly limitMs: number },
): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!options.isTransient(error)) throw error;
    return retryingAgain(run, options);
  }
}

async function retryingAgain<T>(run: () => Promise<T>, options: Parameters<typeof retrying<T>>[1]): Promise<T> {
  // The pauses alone are less than what passes: each try may wait inside the database, and a busy process comes late to its timers.
  let late = options.limitMs <= 0;
  const timer = setTimeout(() => {
    late = true;
  }, options.limitMs);
  try {
    for (let pause = FIRST_DELAY_MS; ; pause = Math.min(pause * 2, LONGEST_DELAY_MS)) {
      await delay(pause);
      try {
        return await run();
      } catch (error) {
        if (!options.isTransient(error)) throw error;
        if (late) throw new OAuthError("store_unavailable", { detail: String(error), retryAfter: 1, cause: error });
      }
    }
  } finally {
    clearTimeout(timer);
  }
}
