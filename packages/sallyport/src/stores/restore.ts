import { sql, type Transaction } from "kysely";
import { ForeignMasterKeyError } from "../sealing/foreign-key.js";
import type { Sealer } from "../sealing/sealer.js";
import type { Backend } from "./backend.js";
import { BACKUP_KEY, BackupError, type BackupHeader, type BackupRow, readBackup } from "./backup-file.js";
import { announce } from "./change-feed.js";
import { migrateTo, schemaVersion } from "./migrate.js";
import { MIGRATIONS } from "./migrations/index.js";
import { revoke } from "./revocation.js";
import type { Schema } from "./schema.js";
import { PROBE } from "./seal-probe.js";
import { KEPT_TABLES, TABLE_NAMES } from "./tables.js";

export interface RestoreOptions {
  readonly sealer: Sealer;
  readonly now: number;
  /** What lies in the database goes. Without it only an empty one is filled. */
  readonly replace: boolean;
  /** Grants and sessions come back too, those that were ended after the backup was made included. */
  readonly keepGrants: boolean;
}

export interface RestoreResult {
  readonly created: number;
  readonly rows: number;
  /** How many sessions of the backup were ended. */
  readonly ended: number;
}

/**
 * Puts a backup into the database, in one transaction: all of it or nothing. Every token from before is refused from then on, at
 * processes that are running too.
 *
 * @throws Error that says why: a damaged file, another master key, a newer schema, a database that is not empty.
 */
export async function restore(
  backend: Backend,
  open: () => AsyncIterable<string>,
  options: RestoreOptions,
): Promise<RestoreResult> {
  const reading = { keys: options.sealer.deriveAll(BACKUP_KEY), knows: isKept };
  const { header, rows } = await inspect(readBackup(open(), reading), options.sealer);
  const ended = await backend.alone(async (tx) => {
    const last = await clear(tx, { kind: backend.kind, replace: options.replace });
    await migrateTo(tx, { from: 0, to: header.schema });
    // What making the tables has put into them; the backup has its own.
    await sql`delete from counters`.execute(tx);
    // Read once more, and to its end: a file that was changed meanwhile undoes all of it.
    for await (const part of readBackup(open(), reading)) {
      if ("row" in part) await insert(tx, part.row);
    }
    await migrateTo(tx, { from: header.schema, to: MIGRATIONS.length });
    return finish(tx, { ...options, last });
  });
  return { created: header.created, rows, ended };
}

const isKept = (table: string) => (KEPT_TABLES as readonly string[]).includes(table);

/** Reads the whole file before anything is touched. */
async function inspect(parts: ReturnType<typeof readBackup>, sealer: Sealer) {
  let header: BackupHeader | undefined;
  let rows = 0;
  for await (const part of parts) {
    if ("row" in part) {
      rows += 1;
      continue;
    }
    header = part.header;
    // First: under another master key the end cannot be right either.
    if (sealer.open(header.seal_probe, PROBE) === undefined) {
      throw new ForeignMasterKeyError("it");
    }
  }
  if (header === undefined) throw new BackupError("it is empty");
  if (header.schema < 1 || header.schema > MIGRATIONS.length) {
    throw new BackupError("it was made by a newer version of sallyport");
  }
  return { header, rows };
}

/** Takes every table away. Answers the last number of the change feed, from which running processes read on. */
async function clear(
  tx: Transaction<Schema>,
  { kind, replace }: { readonly kind: Backend["kind"]; readonly replace: boolean },
): Promise<number> {
  const version = await schemaVersion(tx, kind);
  if (version > MIGRATIONS.length) throw new Error("this database belongs to a newer version of sallyport");
  let last = 0;
  if (version > 0) {
    if (!replace && !(await isEmpty(tx))) {
      throw new Error("this database is in use: restore into an empty one, or replace what lies in it with --replace");
    }
    const counter = await tx.selectFrom("counters").select("value").where("name", "=", "changes").executeTakeFirst();
    last = counter?.value ?? 0;
  }
  for (const table of [...TABLE_NAMES].reverse()) await sql`drop table if exists ${sql.table(table)}`.execute(tx);
  return last;
}

/** Nobody was added and nothing was granted: what the first start makes by itself does not count. */
async function isEmpty(tx: Transaction<Schema>): Promise<boolean> {
  for (const table of ["users", "clients", "grants"] as const) {
    const { count } = await tx
      .selectFrom(table)
      .select(({ fn }) => fn.countAll<number>().as("count"))
      .executeTakeFirstOrThrow();
    if (Number(count) > 0) return false;
  }
  return true;
}

async function insert(tx: Transaction<Schema>, { table, row }: BackupRow): Promise<void> {
  // The version is that of the tables, which were made here.
  if (table === "facts" && row.name === "schema") return;
  await tx
    .insertInto(table)
    .values(row as never)
    .execute();
}

async function finish(
  tx: Transaction<Schema>,
  { now, keepGrants, last }: Pick<RestoreOptions, "now" | "keepGrants"> & { readonly last: number },
): Promise<number> {
  // Whoever runs has read up to `last`; what is announced from here on must come after it.
  await tx
    .updateTable("counters")
    .set({ value: last })
    .where("name", "=", "changes")
    .where("value", "<", last)
    .execute();
  const ended = keepGrants ? 0 : await revoke(tx, { issued_before: now + 1 }, now);
  await announce(tx, [{ kind: "cutoff", key: String(now) }], now);
  return ended;
}
