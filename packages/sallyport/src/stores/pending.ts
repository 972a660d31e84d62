import type { PendingAuthorization, PendingStore } from "@sallyport/auth/authorization-server";
import type { Backend } from "./backend.js";
import { fromJson, hashOf } from "./values.js";

/** The id is a secret of the browser that holds it, so the table knows its hash only; the caller brings it back. */
export function createPendingStore({ db, writeOne }: Backend): PendingStore {
  const restore = (id: string, row: { readonly record: string } | undefined): PendingAuthorization | undefined =>
    row && { ...ABSENT, ...fromJson<Omit<PendingAuthorization, "id">>(row.record), id };
  return {
    async save({ id, ...record }) {
      const { client_id, expires } = record;
      const row = { id_hash: hashOf(id), client_id, expires, record: JSON.stringify(record) };
      await writeOne((one) => one.insertInto("pending").values(row).execute());
    },
    async find(id, now) {
      const row = await db
        .selectFrom("pending")
        .select("record")
        .where("id_hash", "=", hashOf(id))
        .where("expires", ">", now)
        .executeTakeFirst();
      return restore(id, row);
    },
    async consume(id, now) {
      const row = await writeOne((one) =>
        one
          .deleteFrom("pending")
          .where("id_hash", "=", hashOf(id))
          .where("expires", ">", now)
          .returning("record")
          .executeTakeFirst(),
      );
      return restore(id, row);
    },
  };
}

/** JSON drops members that are `undefined`; the port's records have them. */
const ABSENT = { state: undefined, resource: undefined, prompt: undefined, dpop_jkt: undefined };
