import type { ClientStore } from "@sallyport/auth/authorization-server";
import type { ExpressionBuilder } from "kysely";
import type { Backend } from "./backend.js";
import type { Schema } from "./schema.js";
import { fromJson, orNull, orUndefined } from "./values.js";

export function createClientStore({ db, writeOne }: Backend): ClientStore {
  return {
    async find(client_id, now) {
      const row = await db
        .selectFrom("clients")
        .selectAll()
        .where("client_id", "=", client_id)
        .where(isUsedOrLives(now))
        .executeTakeFirst();
      return (
        row && {
          metadata: fromJson(row.metadata),
          origin: row.origin,
          secret_hash: orUndefined(row.secret_hash),
          created: row.created,
          expires: orUndefined(row.expires),
        }
      );
    },

    async add({ metadata, origin, secret_hash, created, expires }) {
      const { client_id } = metadata;
      const row = { client_id, origin, metadata: JSON.stringify(metadata), created };
      await writeOne(async (one) => {
        const { numInsertedOrUpdatedRows } = await one
          .insertInto("clients")
          .values({ ...row, secret_hash: orNull(secret_hash), expires: orNull(expires) })
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst();
        if (numInsertedOrUpdatedRows !== 1n) throw new Error(`client ${JSON.stringify(client_id)} exists`);
      });
    },
  };
}

/** A registration whose time is over is there no more, unless something was granted to it. */
export function isUsedOrLives(now: number) {
  return ({ or, eb, exists, selectFrom }: ExpressionBuilder<Schema, "clients">) =>
    or([
      eb("expires", "is", null),
      eb("expires", ">", now),
      exists(selectFrom("grants").select("id").whereRef("grants.client_id", "=", "clients.client_id")),
    ]);
}
