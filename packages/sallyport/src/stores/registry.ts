import type { ClientMetadata } from "@sallyport/auth";
import type { Transaction } from "kysely";
import type { Filter, RegisteredClient, Registry } from "../admin/storage.js";
import type { Backend } from "./backend.js";
import { announce } from "./change-feed.js";
import { isUsedOrLives } from "./clients.js";
import { grantOf } from "./grants.js";
import { revoke } from "./revocation.js";
import type { Schema } from "./schema.js";
import { sessionOf } from "./session-rows.js";
import { fromJson, orUndefined } from "./values.js";

export function createRegistry({ db, write }: Backend): Registry {
  return {
    async clients({ limit, after = "" }, now) {
      const rows = await db
        .selectFrom("clients")
        .selectAll()
        .where("client_id", ">", after)
        .where(isUsedOrLives(now))
        .orderBy("client_id")
        .limit(limit)
        .execute();
      return rows.map(({ client_id, metadata, created, expires }): RegisteredClient => {
        const { client_name, redirect_uris, token_endpoint_auth_method } = fromJson<ClientMetadata>(metadata);
        const said = { client_name, redirect_uris, token_endpoint_auth_method };
        return { client_id, ...said, created, expires: orUndefined(expires) };
      });
    },
    async grants(filter, { limit, after = "" }) {
      let query = db.selectFrom("grants").selectAll().where("id", ">", after).orderBy("id").limit(limit);
      for (const [member, value] of membersOf(filter)) query = query.where(member, "=", value);
      return (await query.execute()).map(grantOf);
    },
    async sessions(filter, { limit, after = "" }, now) {
      let query = db
        .selectFrom("sessions")
        .selectAll()
        .where("id", ">", after)
        .where("revoked", "is", null)
        .where("idle_expires", ">", now)
        .where("expires", ">", now)
        .orderBy("id")
        .limit(limit);
      for (const [member, value] of membersOf(filter)) query = query.where(member, "=", value);
      return (await query.execute()).map(sessionOf);
    },
    removeClient: (client_id, now) => write((tx) => removeClient(tx, client_id, now)),
  };
}

const WHO = ["sub", "client_id", "resource"] as const;

function membersOf(filter: Filter): readonly (readonly [(typeof WHO)[number], string])[] {
  return WHO.flatMap((member) => {
    const value = filter[member];
    return value === undefined ? [] : [[member, value] as const];
  });
}

async function removeClient(tx: Transaction<Schema>, client_id: string, now: number) {
  const sessions = await revoke(tx, { client_id }, now);
  await tx.deleteFrom("pending").where("client_id", "=", client_id).execute();
  const { numDeletedRows } = await tx.deleteFrom("clients").where("client_id", "=", client_id).executeTakeFirst();
  await announce(tx, [{ kind: "client", key: client_id }], now);
  return { registered: numDeletedRows === 1n, sessions };
}
