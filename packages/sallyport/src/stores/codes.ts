import type { CodeRecord, CodeStore } from "@sallyport/auth/authorization-server";
import type { Backend } from "./backend.js";
import { fromJson } from "./values.js";

export function createCodeStore({ db, writeOne }: Backend): CodeStore {
  return {
    async save(code_hash, record) {
      const { session_id, expires } = record;
      const row = { code_hash, session_id, expires, consumed: null, revoked: null, record: JSON.stringify(record) };
      await writeOne((one) => one.insertInto("codes").values(row).execute());
    },
    async find(code_hash) {
      const row = await db.selectFrom("codes").select("record").where("code_hash", "=", code_hash).executeTakeFirst();
      return row && { ...ABSENT, ...fromJson<CodeRecord>(row.record) };
    },
    async consume(code_hash, now) {
      const { numUpdatedRows } = await writeOne((one) =>
        one
          .updateTable("codes")
          .set({ consumed: now })
          .where("code_hash", "=", code_hash)
          .where("consumed", "is", null)
          .where("revoked", "is", null)
          .where("expires", ">", now)
          .executeTakeFirst(),
      );
      return numUpdatedRows === 1n;
    },
  };
}

/** JSON drops a member that is `undefined`; the port's record has it. */
const ABSENT: Pick<CodeRecord, "dpop_jkt"> = { dpop_jkt: undefined };
