import { PostgresAdapter, sql, type Transaction } from "kysely";
import type { Change, ChangeFeed } from "../gateway/feed.js";
import type { Backend } from "./backend.js";
import { CHANNEL } from "./postgres-listener.js";
import type { Schema } from "./schema.js";

const MAX_ROWS = 1_000;

export function createChangeFeed({ db, listen }: Backend): ChangeFeed {
  return {
    ...(listen && { onChange: listen }),
    async since(seq) {
      return db
        .selectFrom("changes")
        .select(["seq", "kind", "key", "at"])
        .where("seq", ">", seq)
        .orderBy("seq")
        .limit(MAX_ROWS)
        .execute();
    },
    async head() {
      const { value } = await db
        .selectFrom("counters")
        .select("value")
        .where("name", "=", "changes")
        .executeTakeFirstOrThrow();
      return value;
    },
  };
}

/**
 * Announces changes in the transaction that makes them. The numbers come from a counter row and not from a sequence: its lock is held
 * to the commit, so a reader that has seen `seq` n can never meet a smaller one later (a sequence gives 7 to a transaction that may
 * commit after 8, and whoever reads on from 8 would miss it).
 */
export async function announce(
  tx: Transaction<Schema>,
  changes: readonly Pick<Change, "kind" | "key">[],
  at: number,
): Promise<void> {
  if (changes.length === 0) return;
  const { value } = await tx
    .updateTable("counters")
    .set((counter) => ({ value: counter("value", "+", changes.length) }))
    .where("name", "=", "changes")
    .returning("value")
    .executeTakeFirstOrThrow();
  const rows = changes.map(({ kind, key }, index) => ({ seq: value - changes.length + 1 + index, kind, key, at }));
  for (let start = 0; start < rows.length; start += MAX_ROWS) {
    await tx
      .insertInto("changes")
      .values(rows.slice(start, start + MAX_ROWS))
      .execute();
  }
  // Sent at the commit, and not without it.
  if (tx.getExecutor().adapter instanceof PostgresAdapter) await sql`select pg_notify(${CHANNEL}, '')`.execute(tx);
}
