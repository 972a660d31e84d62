import { type Kysely, sql, type Transaction } from "kysely";
import type { Backend } from "./backend.js";
import { MIGRATIONS } from "./migrations/index.js";
import type { Schema } from "./schema.js";

/**
 * Brings the schema to this program's version in one transaction, so that of several processes that start at once one does it and the
 * others find it done.
 *
 * @returns the version it had; 0 for a new database.
 * @throws Error for a database that a newer version of the program has migrated: it may hold what this one would misread.
 */
export async function migrate(backend: Backend): Promise<number> {
  return backend.alone(async (tx) => {
    const version = await schemaVersion(tx, backend.kind);
    if (version > MIGRATIONS.length) {
      throw new Error(
        `this database has schema version ${version}; this program knows ${MIGRATIONS.length}: start the newer version of sallyport`,
      );
    }
    if (version < MIGRATIONS.length) await migrateTo(tx, { from: version, to: MIGRATIONS.length });
    return version;
  });
}

/** Version of the schema; 0: nothing was made yet. */
export async function schemaVersion(tx: Transaction<Schema>, kind: Backend["kind"]): Promise<number> {
  if (!(await existingTables(tx, kind)).has("facts")) return 0;
  const row = await tx.selectFrom("facts").select("value").where("name", "=", "schema").executeTakeFirst();
  return Number(row?.value ?? 0);
}

/** Names of the tables that are there, ours and others. */
export async function existingTables(tx: Transaction<Schema>, kind: Backend["kind"]): Promise<ReadonlySet<string>> {
  const tables =
    kind === "sqlite"
      ? sql<{ name: string }>`select name from sqlite_master where type = 'table'`
      : sql<{ name: string }>`select tablename as name from pg_tables where schemaname = current_schema()`;
  return new Set((await tables.execute(tx)).rows.map(({ name }) => name));
}

/** A part of its caller's transaction. */
export async function migrateTo(
  tx: Transaction<Schema>,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<void> {
  await sql`create table if not exists facts (name text not null primary key, value text not null)`.execute(tx);
  for (const up of MIGRATIONS.slice(from, to)) await up(tx as unknown as Kysely<never>);
  const value = String(to);
  await tx
    .insertInto("facts")
    .values({ name: "schema", value })
    .onConflict((conflict) => conflict.column("name").doUpdateSet({ value }))
    .execute();
}
