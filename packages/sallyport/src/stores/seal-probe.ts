import { ForeignMasterKeyError } from "../sealing/foreign-key.js";
import type { Sealer } from "../sealing/sealer.js";
import type { Backend } from "./backend.js";
import { existingTables } from "./migrate.js";
import { type BackendOptions, openBackend } from "./open-backend.js";

/** Name of the fact, and the word. */
export const PROBE = "seal-probe";

/**
 * Leaves a sealed word in a new database and opens it at every later start: a wrong master key is then an error with a name at the
 * start, not a signing key that fails in the middle of somebody's sign-in.
 */
export async function checkSeal({ write }: Backend, sealer: Sealer): Promise<void> {
  const value = sealer.seal(Buffer.from(PROBE), PROBE);
  await write(async (tx) => {
    const row = await tx.selectFrom("facts").select("value").where("name", "=", PROBE).executeTakeFirst();
    if (row === undefined) {
      await tx.insertInto("facts").values({ name: PROBE, value }).execute();
    } else if (sealer.open(row.value, PROBE) === undefined) {
      throw new ForeignMasterKeyError("this database");
    }
  });
}

/** Whether a database was begun under some master key, so that a new one opens nothing of it. Makes an SQLite file that is not there. */
export async function isSealed(options: BackendOptions): Promise<boolean> {
  const backend = await openBackend(options);
  try {
    return await backend.snapshot(async (tx) => {
      if (!(await existingTables(tx, backend.kind)).has("facts")) return false;
      const probe = await tx.selectFrom("facts").select("name").where("name", "=", PROBE).executeTakeFirst();
      return probe !== undefined;
    });
  } finally {
    await backend.close();
  }
}
