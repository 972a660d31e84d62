import { sql } from "kysely";
import type { Backend } from "./backend.js";
import { existingTables, schemaVersion } from "./migrate.js";
import { MIGRATIONS } from "./migrations/index.js";
import type { Schema } from "./schema.js";
import { TABLE_NAMES } from "./tables.js";

export interface StoreStatus {
  readonly kind: Backend["kind"];
  /** Version of the schema; 0: nothing was made yet. */
  readonly schema: number;
  /** What this program would make of it. */
  readonly wanted: number;
  /** Of the database as a whole, in bytes. */
  readonly bytes: number;
  /** Rows of every table that is there. */
  readonly rows: Readonly<Partial<Record<keyof Schema, number>>>;
}

/** Looks, and changes nothing. */
export async function readStatus(backend: Backend): Promise<StoreStatus> {
  return backend.snapshot(async (tx) => {
    const schema = await schemaVersion(tx, backend.kind);
    const size =
      backend.kind === "sqlite"
        ? sql<{ bytes: number }>`select page_count * page_size as bytes from pragma_page_count, pragma_page_size`
        : sql<{ bytes: number }>`select pg_database_size(current_database()) as bytes`;
    const bytes = Number((await size.execute(tx)).rows[0]?.bytes ?? 0);
    const rows: Partial<Record<keyof Schema, number>> = {};
    const existing = await existingTables(tx, backend.kind);
    for (const table of TABLE_NAMES.filter((name) => existing.has(name))) {
      const counted = await sql<{ count: number }>`select count(*) as count from ${sql.table(table)}`.execute(tx);
      rows[table] = Number(counted.rows[0]?.count ?? 0);
    }
    return { kind: backend.kind, schema, wanted: MIGRATIONS.length, bytes, rows };
  });
}
