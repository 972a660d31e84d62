import type { Kysely } from "kysely";

/** Single calls that were agreed to beside scopes (RFC 9396), as JSON. */
export async function up(db: Kysely<never>): Promise<void> {
  await db.schema.alterTable("grants").addColumn("details", "text").execute();
  await db.schema.alterTable("sessions").addColumn("details", "text").execute();
}
