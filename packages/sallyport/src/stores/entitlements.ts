import type { System } from "@sallyport/auth";
import type { EntitlementStore } from "../sign-in/storage.js";
import type { Backend } from "./backend.js";
import { announce } from "./change-feed.js";
import { fromJson } from "./values.js";

export function createEntitlementStore({ db, write }: Backend, system: Pick<System, "now">): EntitlementStore {
  return {
    async list(sub) {
      const rows = await db
        .selectFrom("entitlements")
        .select(["server", "scopes"])
        .where("sub", "=", sub)
        .orderBy("server")
        .execute();
      return rows.map(({ server, scopes }) => ({ server, scopes: fromJson<readonly string[]>(scopes) }));
    },
    async set(sub, server, scopes) {
      const text = JSON.stringify(scopes);
      await write(async (tx) => {
        await (scopes.length === 0
          ? tx.deleteFrom("entitlements").where("sub", "=", sub).where("server", "=", server).execute()
          : tx
              .insertInto("entitlements")
              .values({ sub, server, scopes: text })
              .onConflict((conflict) => conflict.columns(["sub", "server"]).doUpdateSet({ scopes: text }))
              .execute());
        await announce(tx, [{ kind: "user", key: sub }], system.now());
      });
    },
  };
}
