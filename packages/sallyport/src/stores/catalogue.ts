import type { System } from "@sallyport/auth";
import type { CatalogueStore } from "../policy/catalogue-store.js";
import type { Backend } from "./backend.js";
import { orNull, orUndefined } from "./values.js";

export function createCatalogueStore({ db, write }: Backend, system: Pick<System, "now">): CatalogueStore {
  return {
    async load(server) {
      const rows = await db
        .selectFrom("catalogue")
        .select(["tool", "scope", "hash", "first_seen", "accepted"])
        .where("server", "=", server)
        .orderBy("tool")
        .execute();
      return rows.map((row) => ({ ...row, accepted: orUndefined(row.accepted) }));
    },
    async freeze(server, rows) {
      if (rows.length === 0) return;
      await write(async (tx) => {
        for (const { accepted, ...row } of rows) {
          await tx
            .insertInto("catalogue")
            .values({ ...row, server, accepted: orNull(accepted) })
            .onConflict((conflict) => conflict.doNothing())
            .execute();
        }
      });
    },
    async accept(server, tool, hash) {
      const { numUpdatedRows } = await write((tx) =>
        tx
          .updateTable("catalogue")
          .set({ hash, accepted: system.now() })
          .where("server", "=", server)
          .where("tool", "=", tool)
          .executeTakeFirst(),
      );
      if (numUpdatedRows !== 1n) throw new Error(`tool ${JSON.stringify(tool)} is not in the catalogue`);
    },
  };
}
