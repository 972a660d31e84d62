import { sql } from "kysely";
import type { Sealer } from "../sealing/sealer.js";
import type { Backend } from "./backend.js";
import type { Schema } from "./schema.js";
import { PROBE } from "./seal-probe.js";

/** Every column that lies sealed under the master key. */
const SEALED: readonly { readonly table: keyof Schema; readonly key: string; readonly column: string }[] = [
  { table: "signing_keys", key: "kid", column: "private_jwk" },
  { table: "browser_sessions", key: "token_hash", column: "secrets" },
  { table: "connections", key: "id", column: "tokens" },
  { table: "secrets", key: "name", column: "value" },
];

/**
 * Puts everything that is sealed into envelopes of the first master key, so that the others can go afterwards. The values themselves are
 * not sealed anew: each has its own key, and that key is what lies in the envelope.
 */
export async function rewrapAll({ write }: Backend, sealer: Sealer): Promise<void> {
  await write(async (tx) => {
    const facts = { table: "facts" as const, key: "name", column: "value" };
    for (const { table, key, column } of [...SEALED, facts]) {
      const [name, id, value] = [sql.table(table), sql.ref(key), sql.ref(column)];
      const only = table === "facts" ? sql`where name = ${PROBE}` : sql``;
      const { rows } = await sql<Row>`select ${id} as id, ${value} as sealed from ${name} ${only}`.execute(tx);
      for (const row of rows) {
        const sealed = row.sealed === null ? undefined : sealer.rewrap(row.sealed);
        // What opens under none of the keys is nobody's any more; it goes with its time.
        if (sealed !== undefined)
          await sql`update ${name} set ${value} = ${sealed} where ${id} = ${row.id}`.execute(tx);
      }
    }
  });
}

interface Row {
  readonly id: string;
  readonly sealed: string | null;
}
