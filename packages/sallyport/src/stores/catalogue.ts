import type { System } from "@sallyport/auth";
import type { CatalogueStore } from "../policy/catalogue-store.js";
import type { Backend } from "./backend.js";
import { announce } from "./change-feed.js";
import { orNull, orUndefined } from "./values.js";

/** Databases bound the parameters of a statement; SQLite's 32,766 is the lower bound of those that matter. */
const ROWS_AT_ONCE = 500;

export function createCatalogueStore({ db, write }: Backend, system: Pick<System, "now">): CatalogueStore {
  const changed = (tx: Parameters<typeof announce>[0], server: string) =>
    announce(tx, [{ kind: "catalogue", key: server }], system.now());
  return {
    async load(server) {
      const rows = await db
        .selectFrom("catalogue")
        .select(["tool", "scope", "hash", "first_seen", "accepted", "seen"])
        .where("server", "=", server)
        .orderBy("tool")
        .execute();
      return rows.map((row) => ({ ...row, accepted: orUndefined(row.accepted), seen: orUndefined(row.seen) }));
    },
    async freeze(server, rows) {
      const values = rows.map(({ accepted, seen, ...row }) => ({
        ...{ ...row, server },
        ...{ accepted: orNull(accepted), seen: orNull(seen) },
      }));
      if (values.length === 0) return;
      await write(async (tx) => {
        for (let start = 0; start < values.length; start += ROWS_AT_ONCE) {
          await tx
            .insertInto("catalogue")
            .values(values.slice(start, start + ROWS_AT_ONCE))
            .onConflict((conflict) => conflict.doNothing())
            .execute();
        }
        await changed(tx, server);
      });
    },
    async observe(server, seen) {
      await write(async (tx) => {
        for (const [tool, hash] of seen) {
          await tx
            .updateTable("catalogue")
            .set((row) => ({ seen: row.fn<string | null>("nullif", [row.val(hash), "hash"]) }))
            .where("server", "=", server)
            .where("tool", "=", tool)
            .execute();
        }
        await changed(tx, server);
      });
    },
    async accept(server, tool, { hash, scope }) {
      const { numUpdatedRows } = await write(async (tx) => {
        await changed(tx, server);
        return tx
          .updateTable("catalogue")
          .set({ hash, scope, accepted: system.now(), seen: null })
          .where("server", "=", server)
          .where("tool", "=", tool)
          .executeTakeFirst();
      });
      if (numUpdatedRows !== 1n) throw new Error(`tool ${JSON.stringify(tool)} is not in the catalogue`);
    },
  };
}
