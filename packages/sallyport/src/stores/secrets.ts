import type { System } from "@sallyport/auth";
import type { SecretStore } from "../config/secret-store.js";
import type { Sealer } from "../sealing/sealer.js";
import type { Backend } from "./backend.js";
import { announce } from "./change-feed.js";

/** Each lies sealed over its name, so that a row copied to another name opens to nothing. */
export function createSecretStore(
  { db, write }: Backend,
  { sealer, system }: { readonly sealer: Sealer; readonly system: Pick<System, "now"> },
): SecretStore {
  const changed = (tx: Parameters<typeof announce>[0], name: string) =>
    announce(tx, [{ kind: "secret", key: name }], system.now());
  return {
    async set(name, text) {
      const now = system.now();
      const value = sealer.seal(Buffer.from(text, "utf8"), placeOf(name));
      await write(async (tx) => {
        await tx
          .insertInto("secrets")
          .values({ name, value, created: now, updated: now })
          .onConflict((conflict) => conflict.column("name").doUpdateSet({ value, updated: now }))
          .execute();
        await changed(tx, name);
      });
    },
    async read(names) {
      if (names.length === 0) return new Map();
      const rows = await db.selectFrom("secrets").select(["name", "value"]).where("name", "in", names).execute();
      return new Map(
        rows.map(({ name, value }) => {
          const opened = sealer.open(value, placeOf(name));
          if (opened === undefined) throw new Error(`the secret ${JSON.stringify(name)} opens under no master key`);
          return [name, Buffer.from(opened).toString("utf8")];
        }),
      );
    },
    list: () => db.selectFrom("secrets").select(["name", "created", "updated"]).orderBy("name").execute(),
    async remove(name) {
      return write(async (tx) => {
        const removed = await tx.deleteFrom("secrets").where("name", "=", name).returning("name").executeTakeFirst();
        if (removed !== undefined) await changed(tx, name);
        return removed !== undefined;
      });
    },
  };
}

function placeOf(name: string): string {
  return `secrets/${name}`;
}
