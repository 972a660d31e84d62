import type { CodeRecord, CodeStore, Redemption } from "@sallyport/auth/authorization-server";
import type { Transaction } from "kysely";
import type { Backend } from "./backend.js";
import type { Schema } from "./schema.js";
import { addSession } from "./sessions.js";
import { fromJson } from "./values.js";

export function createCodeStore({ db, write, writeOne }: Backend): CodeStore {
  return {
    async save(code_hash, record) {
      const { session_id, expires } = record;
      const row = { code_hash, session_id, expires, consumed: null, record: JSON.stringify(record) };
      await writeOne((one) => one.insertInto("codes").values(row).execute());
    },
    async find(code_hash) {
      const row = await db.selectFrom("codes").select("record").where("code_hash", "=", code_hash).executeTakeFirst();
      return row && { ...ABSENT, ...fromJson<CodeRecord>(row.record) };
    },
    redeem: (code_hash, redemption) => write((tx) => redeem(tx, code_hash, redemption)),
  };
}

async function redeem(
  tx: Transaction<Schema>,
  code_hash: string,
  { session, refresh_hash, now }: Redemption,
): Promise<"redeemed" | "used"> {
  const { numUpdatedRows } = await tx
    .updateTable("codes")
    .set({ consumed: now })
    .where("code_hash", "=", code_hash)
    .where("consumed", "is", null)
    .where("expires", ">", now)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) return "used";
  // Whatever this throws gives the code back.
  await addSession(tx, session, refresh_hash);
  return "redeemed";
}

/** JSON drops a member that is `undefined`; the port's record has it. */
const ABSENT: Pick<CodeRecord, "dpop_jkt"> = { dpop_jkt: undefined };
