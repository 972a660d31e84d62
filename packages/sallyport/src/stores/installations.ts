import type { System } from "@sallyport/auth";
import { sql, type Transaction } from "kysely";
import type { Installation, InstallationStore } from "../config/installation-store.js";
import type { Backend } from "./backend.js";
import { announce } from "./change-feed.js";
import type { Schema } from "./schema.js";

export function createInstallationStore(
  { db, snapshot, write }: Backend,
  system: Pick<System, "now">,
): InstallationStore {
  return {
    find: (name) => db.selectFrom("installations").selectAll().where("name", "=", name).executeTakeFirst(),
    async save(name, fingerprint) {
      await write(async (tx) => {
        const row = await tx.selectFrom("installations").selectAll().where("name", "=", name).executeTakeFirst();
        if (row?.fingerprint === fingerprint) return;
        if (row !== undefined) throw new Error(`${JSON.stringify(name)} stands for another command`);
        await tx.insertInto("installations").values({ name, fingerprint, created: system.now() }).execute();
      });
    },
    async replace(name, fingerprint, now) {
      await write((tx) => replace(tx, { name, fingerprint, created: now }));
    },
    isUsed: () => snapshot(isUsed),
  };
}

/** Of the whole store: it serves one installation only. */
async function isUsed(tx: Transaction<Schema>): Promise<boolean> {
  for (const table of ["grants", "sessions", "codes", "entitlements"] as const) {
    const row = await tx.selectFrom(table).select(sql`1`.as("found")).limit(1).executeTakeFirst();
    if (row !== undefined) return true;
  }
  return false;
}

async function replace(tx: Transaction<Schema>, installation: Installation): Promise<void> {
  const { fingerprint, created } = installation;
  await tx
    .insertInto("installations")
    .values(installation)
    .onConflict((conflict) => conflict.column("name").doUpdateSet({ fingerprint, created }))
    .execute();
  for (const table of ["pending", "codes", "grants", "browser_sessions"] as const) await tx.deleteFrom(table).execute();
  await tx.updateTable("sessions").set({ revoked: created }).where("revoked", "is", null).execute();
  await announce(tx, [{ kind: "cutoff", key: String(created) }], created);
}
