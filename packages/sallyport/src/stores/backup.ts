import { sql, type Transaction } from "kysely";
import { ForeignMasterKeyError } from "../sealing/foreign-key.js";
import type { Sealer } from "../sealing/sealer.js";
import type { Backend } from "./backend.js";
import { BACKUP_KEY, type BackupHeader, type BackupRow, createBackupWriter } from "./backup-file.js";
import { existingTables, schemaVersion } from "./migrate.js";
import type { Schema } from "./schema.js";
import { PROBE } from "./seal-probe.js";
import { KEPT_TABLES, TABLES } from "./tables.js";

const PAGE = 500;

/**
 * The lines of a backup, as the database is at one moment; others may read and write meanwhile. What is sealed stays sealed.
 * @throws Error for a database that has never been used.
 */
export async function backup(
  backend: Backend,
  {
    now,
    sealer,
    write,
  }: {
    readonly now: number;
    readonly sealer: Pick<Sealer, "derive" | "open">;
    readonly write: (text: string) => Promise<void>;
  },
): Promise<{ readonly rows: number }> {
  return backend.snapshot(async (tx) => {
    const schema = await schemaVersion(tx, backend.kind);
    const probe =
      schema === 0
        ? undefined
        : await tx.selectFrom("facts").select("value").where("name", "=", PROBE).executeTakeFirst();
    if (probe === undefined) throw new Error("this database was never used: there is nothing to back up");
    if (sealer.open(probe.value, PROBE) === undefined) throw new ForeignMasterKeyError("this database");
    const existing = await existingTables(tx, backend.kind);
    // A database may be backed up before it is migrated: then it lacks the newest tables.
    const tables = KEPT_TABLES.filter((table) => existing.has(table));
    const writer = createBackupWriter(sealer.derive(BACKUP_KEY));
    const header: BackupHeader = {
      format: "sallyport-backup",
      version: 1,
      schema,
      created: now,
      tables,
      seal_probe: probe.value,
    };
    await write(writer.header(header));
    let rows = 0;
    for (const table of tables) {
      for await (const row of readTable(tx, table)) {
        await write(writer.row({ table, row }));
        rows += 1;
      }
    }
    await write(writer.end());
    return { rows };
  });
}

/** Page by page along the primary key, so that a table of any size takes the same memory. */
async function* readTable(tx: Transaction<Schema>, table: keyof Schema): AsyncGenerator<BackupRow["row"]> {
  const { key } = TABLES[table];
  const columns = sql.join(key.map((column) => sql.ref(column)));
  for (let last: BackupRow["row"] | undefined; ; ) {
    const after: BackupRow["row"] | undefined = last;
    const beyond =
      after === undefined
        ? sql``
        : sql`where (${columns}) > (${sql.join(key.map((column) => sql.val(after[column])))})`;
    const page = sql<
      BackupRow["row"]
    >`select * from ${sql.table(table)} ${beyond} order by ${columns} limit ${sql.lit(PAGE)}`;
    const { rows } = await page.execute(tx);
    yield* rows;
    last = rows.at(-1);
    if (rows.length < PAGE) return;
  }
}
