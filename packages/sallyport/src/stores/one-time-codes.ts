import type { Transaction } from "kysely";
import type { OneTimeCodeStore } from "../sign-in/storage.js";
import type { Backend } from "./backend.js";
import type { Schema } from "./schema.js";

const MAX_TRIES = 5;

export function createOneTimeCodeStore({ write }: Backend): OneTimeCodeStore {
  return {
    async issue(code) {
      const fresh = { code_hash: code.code_hash, expires: code.expires, tries: 0 };
      await write((tx) =>
        tx
          .insertInto("one_time_codes")
          .values({ purpose: code.purpose, sub: code.sub, ...fresh })
          .onConflict((conflict) => conflict.columns(["purpose", "sub"]).doUpdateSet(fresh))
          .execute(),
      );
    },
    redeem: (purpose, code_hash, now) => write((tx) => redeem(tx, { purpose, code_hash, now })),
  };
}

type Try = Pick<Schema["one_time_codes"], "purpose" | "code_hash"> & { readonly now: number };

/** A wrong try counts against every live code of the purpose, since nobody can say which one was meant. */
async function redeem(
  tx: Transaction<Schema>,
  { purpose, code_hash, now }: Try,
): Promise<Awaited<ReturnType<OneTimeCodeStore["redeem"]>>> {
  const live = await tx
    .selectFrom("one_time_codes")
    .select(["sub", "code_hash", "tries"])
    .where("purpose", "=", purpose)
    .where("expires", ">", now)
    .execute();
  const open = live.filter(({ tries }) => tries < MAX_TRIES);
  if (open.length === 0) return { status: live.length === 0 ? "none" : "locked" };
  const right = open.find((code) => code.code_hash === code_hash);
  if (right !== undefined) {
    const { sub } = right;
    await tx.deleteFrom("one_time_codes").where("purpose", "=", purpose).where("sub", "=", sub).execute();
    return { status: "right", sub };
  }
  await tx
    .updateTable("one_time_codes")
    .set((code) => ({ tries: code("tries", "+", 1) }))
    .where("purpose", "=", purpose)
    .where("expires", ">", now)
    .execute();
  return { status: "wrong" };
}
