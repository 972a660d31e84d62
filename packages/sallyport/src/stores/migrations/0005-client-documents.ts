import type { Kysely } from "kysely";

/** Clients that are known by a document, for the operator to see; nothing is decided by it. */
export async function up(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable("client_documents")
    .addColumn("client_id", "text", (column) => column.notNull().primaryKey())
    .addColumn("host", "text", (column) => column.notNull())
    .addColumn("name", "text")
    .addColumn("unlisted", "integer", (column) => column.notNull())
    .addColumn("first_seen", "bigint", (column) => column.notNull())
    .addColumn("last_seen", "bigint", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("client_documents_last_seen").on("client_documents").column("last_seen").execute();
}
