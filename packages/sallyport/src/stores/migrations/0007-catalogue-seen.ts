import type { Kysely } from "kysely";

/** The definition that any process saw last, so that a changed tool is a changed one everywhere. */
export async function up(db: Kysely<never>): Promise<void> {
  await db.schema.alterTable("catalogue").addColumn("seen", "text").execute();
}
