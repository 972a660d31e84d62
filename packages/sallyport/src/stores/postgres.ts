import type { System } from "@sallyport/auth";
import { Kysely, PostgresDialect, sql } from "kysely";
import { ANSWER_WITHIN_MS, type Backend, retrying } from "./backend.js";
import { listenForChanges } from "./postgres-listener.js";
import { createPool } from "./postgres-pool.js";
import type { Schema } from "./schema.js";

export interface PostgresOptions {
  /** `postgres://user:password@host:port/database`, with the parameters of libpq (`sslmode=verify-full`). */
  readonly url: string;
  readonly log: System["log"];
  /** How long a connection and a statement together, or a conflict, may take; default {@link ANSWER_WITHIN_MS}. */
  readonly busyTimeoutMs?: number;
}

/**
 * Connects to PostgreSQL, for several replicas on one database. Multi-step writes are serializable and repeated after a conflict, so
 * the ports read as if they were alone, like on SQLite.
 *
 * @throws Error when the server does not answer, or answers before a commit is on its disk.
 */
export async function openPostgres({ url, log, busyTimeoutMs = ANSWER_WITHIN_MS }: PostgresOptions): Promise<Backend> {
  const onBroken = (error: Error) => log("warn", "a database connection broke", { error: error.message });
  const listeners = new Set<() => Promise<void>>();
  const pool = await createPool(url, {
    timeoutMs: busyTimeoutMs,
    onBroken,
  });
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
  const options = { isTransient: isConflict, limitMs: busyTimeoutMs };
  try {
    await requireDurability(db);
  } catch (error) {
    await db.destroy();
    throw error;
  }
  return {
    kind: "postgres",
    db,
    write: (step) => retrying(() => db.transaction().setIsolationLevel("serializable").execute(step), options),
    writeOne: (statement) => retrying(() => statement(db), options),
    snapshot: (read) => db.transaction().setIsolationLevel("repeatable read").setAccessMode("read only").execute(read),
    alone: (step) =>
      retrying(
        () =>
          // Each statement sees what was committed before it: whoever had to wait for the lock sees what was done meanwhile.
          db
            .transaction()
            .setIsolationLevel("read committed")
            .execute(async (tx) => {
              await sql`select pg_advisory_xact_lock(${sql.lit(LOCK)}, hashtext(current_schema()))`.execute(tx);
              return step(tx);
            }),
        options,
      ),
    listen: (onNotice) => {
      const stop = listenForChanges(url, { onNotice, onBroken });
      listeners.add(stop);
      return () => {
        listeners.delete(stop);
        return stop();
      };
    },
    close: async () => {
      await Promise.all([...listeners].map((stop) => stop()));
      await db.destroy();
    },
  };
}

/** Of the advisory lock under which tables are made and changed, together with the name of the schema. "SALY". */
const LOCK = 0x53414c59;

/** "Durable before it resolves" is a promise of the ports that a server can be configured to break. */
async function requireDurability(db: Kysely<Schema>): Promise<void> {
  for (const setting of ["fsync", "synchronous_commit"]) {
    const { rows } = await sql<{ value: string }>`select current_setting(${setting}) as value`.execute(db);
    if (rows[0]?.value === "off") throw new Error(`storage: this PostgreSQL runs with ${setting} = off; switch it on`);
  }
}

/** SQLSTATE of what passes when tried again: serialization failure, deadlock, and two processes making the schema at once. */
const CONFLICTS: ReadonlySet<unknown> = new Set(["40001", "40P01", "42P07"]);

function isConflict(error: unknown): boolean {
  if (!(error instanceof Error && "code" in error)) return false;
  const inCatalog = error.code === "23505" && "schema" in error && error.schema === "pg_catalog";
  return CONFLICTS.has(error.code) || inCatalog;
}
