import type { Grant, GrantStore } from "@sallyport/auth/authorization-server";
import type { Selectable, Transaction } from "kysely";
import type { Backend } from "./backend.js";
import type { Schema } from "./schema.js";
import { fromJson } from "./values.js";

export function createGrantStore({ db, write }: Backend): GrantStore {
  return {
    widen: (grant) => write((tx) => widen(tx, grant)),
    async find(sub, client_id, resource) {
      const row = await db
        .selectFrom("grants")
        .selectAll()
        .where("sub", "=", sub)
        .where("client_id", "=", client_id)
        .where("resource", "=", resource)
        .executeTakeFirst();
      return row && grantOf(row);
    },
    async list(sub) {
      const rows = await db.selectFrom("grants").selectAll().where("sub", "=", sub).orderBy("created").execute();
      return rows.map(grantOf);
    },
  };
}

async function widen(tx: Transaction<Schema>, grant: Grant): Promise<Grant> {
  const { sub, client_id, resource, updated } = grant;
  const row = await tx
    .selectFrom("grants")
    .selectAll()
    .where("sub", "=", sub)
    .where("client_id", "=", client_id)
    .where("resource", "=", resource)
    .executeTakeFirst();
  if (row === undefined) {
    await tx
      .insertInto("grants")
      .values({ ...grant, scopes: JSON.stringify(grant.scopes) })
      .execute();
    return grant;
  }
  const before = grantOf(row);
  const scopes = [...new Set([...before.scopes, ...grant.scopes])];
  await tx
    .updateTable("grants")
    .set({ scopes: JSON.stringify(scopes), updated })
    .where("id", "=", before.id)
    .execute();
  return { ...before, scopes, updated };
}

export function grantOf(row: Selectable<Schema["grants"]>): Grant {
  return { ...row, scopes: fromJson(row.scopes) };
}
