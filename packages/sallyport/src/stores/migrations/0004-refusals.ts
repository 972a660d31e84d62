import type { Kysely } from "kysely";

/** The newest call of each session that was refused for its scope, so that whichever process goes on with the step-up knows of it. */
export async function up(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable("refusals")
    .addColumn("session_id", "text", (column) => column.notNull().primaryKey())
    .addColumn("sub", "text", (column) => column.notNull())
    .addColumn("client_id", "text", (column) => column.notNull())
    .addColumn("resource", "text", (column) => column.notNull())
    .addColumn("tool", "text", (column) => column.notNull())
    .addColumn("scopes", "text", (column) => column.notNull())
    .addColumn("open", "integer", (column) => column.notNull())
    .addColumn("at", "bigint", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("refusals_sub").on("refusals").column("sub").execute();
  await db.schema.createIndex("refusals_at").on("refusals").column("at").execute();
}
