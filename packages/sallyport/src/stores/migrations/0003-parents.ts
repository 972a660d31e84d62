import { type Kysely, sql } from "kysely";

/** Sessions that were made by exchanging a token of another one, with which they end. */
export async function up(db: Kysely<never>): Promise<void> {
  await db.schema.alterTable("sessions").addColumn("parent_id", "text").execute();
  // Few sessions have a parent, and the others need no place in it.
  await sql`create index sessions_parent_id on sessions (parent_id) where parent_id is not null`.execute(db);
}
