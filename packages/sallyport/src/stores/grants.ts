import { type Grant, type GrantStore, mergeDetails } from "@sallyport/auth/authorization-server";
import type { Selectable, Transaction } from "kysely";
import type { Backend } from "./backend.js";
import type { Schema } from "./schema.js";
import { detailsOf, detailsText } from "./session-rows.js";
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
      .values({ ...grant, scopes: JSON.stringify(grant.scopes), details: detailsText(grant.details) })
      .execute();
    return grant;
  }
  const { details: had, ...before } = grantOf(row);
  const scopes = [...new Set([...before.scopes, ...grant.scopes])];
  const details = mergeDetails(had, grant.details, updated);
  await tx
    .updateTable("grants")
    .set({ scopes: JSON.stringify(scopes), details: detailsText(details), updated })
    .where("id", "=", before.id)
    .execute();
  return { ...before, scopes, ...(details && { details }), updated };
}

export function grantOf({ details, ...row }: Selectable<Schema["grants"]>): Grant {
  return { ...row, scopes: fromJson(row.scopes), ...detailsOf(details) };
}
