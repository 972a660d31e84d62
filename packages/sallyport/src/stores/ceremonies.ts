import type { CeremonyStore } from "../sign-in/storage.js";
import type { Backend } from "./backend.js";
import { orNull, orUndefined } from "./values.js";

export function createCeremonyStore({ writeOne }: Backend): CeremonyStore {
  return {
    async save(id, { challenge, sub, expires }) {
      await writeOne((one) =>
        one
          .insertInto("ceremonies")
          .values({ id, challenge, sub: orNull(sub), expires })
          .execute(),
      );
    },
    async consume(id, now) {
      const row = await writeOne((one) =>
        one
          .deleteFrom("ceremonies")
          .where("id", "=", id)
          .where("expires", ">", now)
          .returning(["challenge", "sub"])
          .executeTakeFirst(),
      );
      return row && { challenge: row.challenge, sub: orUndefined(row.sub) };
    },
  };
}
