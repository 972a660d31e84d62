import type { Sealer } from "../sealing/sealer.js";
import type { Backend } from "./backend.js";

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
      throw new Error(
        "this database was sealed under another master key: bring that key back, or start with an empty database",
      );
    }
  });
}
