import type { Kysely } from "kysely";

/** Which sessions of an identity provider people signed in from: providers that sign somebody out may name nothing else. */
export async function up(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable("idp_sessions")
    .addColumn("issuer", "text", (column) => column.notNull())
    .addColumn("sid_hash", "text", (column) => column.notNull())
    .addColumn("sub", "text", (column) => column.notNull())
    .addColumn("seen", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("idp_sessions_key", ["issuer", "sid_hash", "sub"] as never[])
    .addForeignKeyConstraint("idp_sessions_owner", ["sub"] as never[], "users", ["sub"], (to) => to.onDelete("cascade"))
    .execute();
  await db.schema.createIndex("idp_sessions_seen").on("idp_sessions").column("seen").execute();
}
