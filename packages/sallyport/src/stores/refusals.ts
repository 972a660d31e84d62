import type { RefusalStore } from "../gateway/refusals.js";
import type { Backend } from "./backend.js";
import { fromJson } from "./values.js";

export function createRefusalStore({ db, writeOne }: Backend): RefusalStore {
  return {
    async save({ scopes, legacy, ...refusal }) {
      const row = { ...refusal, scopes: JSON.stringify(scopes), open: legacy ? 1 : 0 } as const;
      await writeOne((one) =>
        one
          .insertInto("refusals")
          .values(row)
          .onConflict((conflict) => conflict.column("session_id").doUpdateSet(row))
          .execute(),
      );
    },
    async last({ sub, client_id, resource }, after) {
      const row = await db
        .selectFrom("refusals")
        .select(["tool", "scopes"])
        .where("sub", "=", sub)
        .where("client_id", "=", client_id)
        .where("resource", "=", resource)
        .where("at", ">", after)
        .orderBy("at", "desc")
        .limit(1)
        .executeTakeFirst();
      return row && { tool: row.tool, scopes: fromJson(row.scopes) };
    },
    async take(session_id, after) {
      // Nearly always there is nothing, and looking costs no write.
      const open = await db
        .selectFrom("refusals")
        .select("session_id")
        .where("session_id", "=", session_id)
        .where("open", "=", 1)
        .where("at", ">", after)
        .executeTakeFirst();
      if (open === undefined) return false;
      const { numUpdatedRows } = await writeOne((one) =>
        one
          .updateTable("refusals")
          .set({ open: 0 })
          .where("session_id", "=", session_id)
          .where("open", "=", 1)
          .where("at", ">", after)
          .executeTakeFirst(),
      );
      return numUpdatedRows === 1n;
    },
  };
}
