import type { ReplayStore } from "@sallyport/auth/authorization-server";
import type { Backend } from "./backend.js";

export function createReplayStore({ writeOne }: Backend): ReplayStore {
  return {
    async record(kind, key, expires, now) {
      // One statement: a key that is remembered still makes the update's condition false, and nothing is written.
      const { numInsertedOrUpdatedRows } = await writeOne((one) =>
        one
          .insertInto("replay")
          .values({ kind, key, expires })
          .onConflict((conflict) =>
            conflict.columns(["kind", "key"]).doUpdateSet({ expires }).where("replay.expires", "<=", now),
          )
          .executeTakeFirst(),
      );
      return numInsertedOrUpdatedRows === 1n;
    },
  };
}
