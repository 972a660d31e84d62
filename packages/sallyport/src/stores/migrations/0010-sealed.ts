import type { Kysely } from "kysely";

/** Secrets of the operator under a name, sealed; and when a connection goes by itself. */
export async function up(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable("secrets")
    .addColumn("name", "text", (column) => column.primaryKey())
    .addColumn("value", "text", (column) => column.notNull())
    .addColumn("created", "bigint", (column) => column.notNull())
    .addColumn("updated", "bigint", (column) => column.notNull())
    .execute();
  await db.schema.alterTable("connections").addColumn("ends", "bigint").execute();
}
