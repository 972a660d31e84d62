import { type Kysely, sql } from "kysely";
import type { Backend } from "./backend.js";
import { MIGRATIONS } from "./migrations/index.js";

/**
 * Brings the schema to this program's version in one transaction, so that of several processes that start at once one does it and the
 * others find it done.
 *
 * @throws Error for a database that a newer version of the program has migrated: it may hold what this one would misread.
 */
export async function migrate(backend: Backend): Promise<void> {
  await backend.write(async (tx) => {
    await sql`create table if not exists facts (name text not null primary key, value text not null)`.execute(tx);
    const row = await tx.selectFrom("facts").select("value").where("name", "=", "schema").executeTakeFirst();
    const version = Number(row?.value ?? 0);
    if (version > MIGRATIONS.length) {
      throw new Error(
        `this database has schema version ${version}; this program knows ${MIGRATIONS.length}: start the newer version of sallyport`,
      );
    }
    if (version === MIGRATIONS.length) return;
    for (const up of MIGRATIONS.slice(version)) await up(tx as unknown as Kysely<never>);
    const value = String(MIGRATIONS.length);
    await tx
      .insertInto("facts")
      .values({ name: "schema", value })
      .onConflict((conflict) => conflict.column("name").doUpdateSet({ value }))
      .execute();
  });
}
