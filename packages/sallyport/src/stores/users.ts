import type { System } from "@sallyport/auth";
import type { Transaction } from "kysely";
import type { User, UserStore } from "../sign-in/storage.js";
import { normaliseUserName } from "../sign-in/user-name.js";
import type { Backend } from "./backend.js";
import { announce } from "./change-feed.js";
import { createPasskeyMethods } from "./passkeys.js";
import { revoke } from "./revocation.js";
import type { Schema } from "./schema.js";
import { rowOf, userOf } from "./user-rows.js";

export function createUserStore(backend: Backend, system: Pick<System, "now">): UserStore {
  const { db, write } = backend;
  const by = async (column: "sub" | "name_key", value: string): Promise<User | undefined> => {
    const row = await db.selectFrom("users").selectAll().where(column, "=", value).executeTakeFirst();
    return row && userOf(row);
  };
  return {
    ...createPasskeyMethods(backend),
    find: (sub) => by("sub", sub),
    findByName: (name) => by("name_key", normaliseUserName(name)),
    async list() {
      const rows = await db.selectFrom("users").selectAll().orderBy("created").orderBy("name_key").execute();
      return rows.map(userOf);
    },
    async add(user) {
      await write(async (tx) => {
        const { numInsertedOrUpdatedRows } = await tx
          .insertInto("users")
          .values(rowOf(user))
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst();
        if (numInsertedOrUpdatedRows !== 1n) throw new Error(`user ${JSON.stringify(user.name)} exists`);
      });
    },
    update: (sub, change) => write((tx) => update(tx, { sub, change, now: system.now() })),
  };
}

type Change = Parameters<UserStore["update"]>[1];

async function update(
  tx: Transaction<Schema>,
  { sub, change, now }: { readonly sub: string; readonly change: Change; readonly now: number },
): Promise<void> {
  const row = await tx.selectFrom("users").selectAll().where("sub", "=", sub).executeTakeFirst();
  if (row === undefined) throw new Error("no such user");
  const before = userOf(row);
  const after = rowOf({ ...before, ...change });
  if (after.name_key !== row.name_key) await refuseTaken(tx, after);
  await tx.updateTable("users").set(after).where("sub", "=", sub).execute();
  if (after.disabled === 1) await tx.deleteFrom("browser_sessions").where("sub", "=", sub).execute();
  // What somebody granted ends with them: enabling them again must not bring back a token that was lost meanwhile.
  if (after.disabled === 1 && row.disabled === 0) await revoke(tx, { sub }, now);
  if (after.disabled !== row.disabled || after.roles !== row.roles)
    await announce(tx, [{ kind: "user", key: sub }], now);
}

async function refuseTaken(tx: Transaction<Schema>, { name, name_key }: Schema["users"]): Promise<void> {
  const other = await tx.selectFrom("users").select("sub").where("name_key", "=", name_key).executeTakeFirst();
  if (other !== undefined) throw new Error(`user ${JSON.stringify(name)} exists`);
}
