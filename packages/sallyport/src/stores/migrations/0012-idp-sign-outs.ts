import type { Kysely } from "kysely";

/** Whom an identity provider has signed out just now: for sign-ins that were on their way at that moment, at whichever process they end. */
export async function up(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable("idp_sign_outs")
    .addColumn("issuer", "text", (column) => column.notNull())
    .addColumn("who_hash", "text", (column) => column.notNull())
    .addColumn("at", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("idp_sign_outs_key", ["issuer", "who_hash"] as never[])
    .execute();
}
