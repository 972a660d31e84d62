import type { Passkey, UserStore } from "../sign-in/storage.js";
import type { Backend } from "./backend.js";
import type { Schema } from "./schema.js";
import { userOf } from "./user-rows.js";
import { fromJson } from "./values.js";

type PasskeyMethods = Pick<UserStore, "findByPasskey" | "passkeys" | "addPasskey" | "removePasskey" | "usePasskey">;

export function createPasskeyMethods({ db, writeOne }: Backend): PasskeyMethods {
  return {
    async findByPasskey(id) {
      const row = await db.selectFrom("passkeys").selectAll().where("id", "=", id).executeTakeFirst();
      const user = row && (await db.selectFrom("users").selectAll().where("sub", "=", row.sub).executeTakeFirst());
      return row && user && { user: userOf(user), passkey: passkeyOf(row) };
    },
    async passkeys(sub) {
      const rows = await db.selectFrom("passkeys").selectAll().where("sub", "=", sub).orderBy("created").execute();
      return rows.map(passkeyOf);
    },
    async addPasskey(sub, { transports, ...passkey }) {
      const row = { ...passkey, sub, transports: JSON.stringify(transports) };
      await writeOne((one) => one.insertInto("passkeys").values(row).execute());
    },
    async removePasskey(sub, id) {
      await writeOne((one) => one.deleteFrom("passkeys").where("sub", "=", sub).where("id", "=", id).execute());
    },
    async usePasskey(id, counter) {
      // WebAuthn §6.1.1: a counter that does not grow tells of a clone, unless the authenticator has none (always 0).
      const { numUpdatedRows } = await writeOne((one) =>
        one
          .updateTable("passkeys")
          .set({ counter })
          .where("id", "=", id)
          .where("counter", counter === 0 ? "=" : "<", counter)
          .executeTakeFirst(),
      );
      return numUpdatedRows === 1n;
    },
  };
}

function passkeyOf({ sub: _, transports, ...row }: Schema["passkeys"]): Passkey {
  return { ...row, transports: fromJson(transports) };
}
