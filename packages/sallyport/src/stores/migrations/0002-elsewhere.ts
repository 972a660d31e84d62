import type { Kysely } from "kysely";

/** People who sign in elsewhere, and callers whose tokens come from elsewhere. */
export async function up(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable("identities")
    .addColumn("issuer", "text", (column) => column.notNull())
    .addColumn("subject", "text", (column) => column.notNull())
    .addColumn("sub", "text", (column) => column.notNull())
    .addColumn("name", "text")
    .addColumn("roles", "text", (column) => column.notNull())
    .addColumn("roles_at", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("identities_key", ["issuer", "subject"] as never[])
    .addForeignKeyConstraint("identities_owner", ["sub"] as never[], "users", ["sub"], (to) => to.onDelete("cascade"))
    .execute();
  await db.schema.createIndex("identities_sub").on("identities").column("sub").execute();
  await db.schema
    .createTable("external_grants")
    .addColumn("issuer", "text", (column) => column.notNull())
    .addColumn("sub", "text", (column) => column.notNull())
    .addColumn("client_id", "text", (column) => column.notNull())
    .addColumn("roles", "text", (column) => column.notNull())
    .addColumn("roles_at", "bigint", (column) => column.notNull())
    .addColumn("revoked_at", "bigint")
    .addPrimaryKeyConstraint("external_grants_key", ["issuer", "sub", "client_id"] as never[])
    .execute();
}
