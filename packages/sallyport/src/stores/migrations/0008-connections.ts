import type { Kysely } from "kysely";

/** What people have connected under their own names: one row a person and connection, the tokens sealed. */
export async function up(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable("connections")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("sub", "text", (column) => column.notNull())
    .addColumn("connection", "text", (column) => column.notNull())
    .addColumn("version", "text", (column) => column.notNull())
    .addColumn("tokens", "text")
    .addColumn("scopes", "text", (column) => column.notNull())
    .addColumn("created", "bigint", (column) => column.notNull())
    .addColumn("updated", "bigint", (column) => column.notNull())
    .addColumn("claimed_until", "bigint")
    .addForeignKeyConstraint("connections_owner", ["sub"] as never[], "users", ["sub"], (to) => to.onDelete("cascade"))
    .execute();
  await db.schema.createIndex("connections_sub").on("connections").column("sub").execute();
}
