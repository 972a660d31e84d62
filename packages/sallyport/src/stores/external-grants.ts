import type { System } from "@sallyport/auth";
import type { Transaction } from "kysely";
import {
  type ExternalCaller,
  type ExternalGrant,
  type ExternalGrantStore,
  type ExternalSelector,
  externalKey,
} from "../federation/external-grants.js";
import type { Backend } from "./backend.js";
import { announce } from "./change-feed.js";
import type { Schema } from "./schema.js";
import { fromJson } from "./values.js";

export function createExternalGrantStore({ db, write }: Backend, system: Pick<System, "now">): ExternalGrantStore {
  return {
    async observe({ roles, issued, ...caller }) {
      const text = JSON.stringify(roles);
      const known = await read(db, caller);
      // Nearly always: a token that is not newer than what is known changes nothing, and costs no write.
      if (known !== undefined && issued <= known.roles_at) return known;
      return write(async (tx) => {
        await tx
          .insertInto("external_grants")
          .values({ ...caller, roles: text, roles_at: issued, revoked_at: null })
          .onConflict((conflict) =>
            conflict
              .columns(["issuer", "sub", "client_id"])
              .doUpdateSet({ roles: text, roles_at: issued })
              .where("external_grants.roles_at", "<", issued),
          )
          .execute();
        const now = await read(tx, caller);
        if (now === undefined) throw new Error("the grant record is gone");
        return now;
      });
    },
    revoke: (selector, at) => write((tx) => revoke(tx, selector, { at, now: system.now() })),
  };
}

type Reader = Pick<Transaction<Schema>, "selectFrom">;

/** The caller's own row, with what was revoked for everybody it belongs to. */
async function read(db: Reader, { issuer, sub, client_id }: ExternalCaller): Promise<ExternalGrant | undefined> {
  const rows = await db
    .selectFrom("external_grants")
    .selectAll()
    .where("issuer", "=", issuer)
    .where("sub", "in", [sub, ""])
    .where("client_id", "in", [client_id, ""])
    .execute();
  const own = rows.find((row) => row.sub === sub && row.client_id === client_id);
  if (own === undefined) return undefined;
  const ends = rows.flatMap(({ revoked_at }) => (revoked_at === null ? [] : [revoked_at]));
  const { roles, roles_at } = own;
  return {
    issuer,
    sub,
    client_id,
    roles: fromJson(roles),
    roles_at,
    revoked_at: ends.length === 0 ? undefined : Math.max(...ends),
  };
}

async function revoke(
  tx: Transaction<Schema>,
  selector: ExternalSelector,
  { at, now }: { readonly at: number; readonly now: number },
): Promise<number> {
  const { issuer, sub = "", client_id = "" } = selector;
  await tx
    .insertInto("external_grants")
    .values({ issuer, sub, client_id, roles: "[]", roles_at: 0, revoked_at: at })
    .onConflict((conflict) =>
      conflict
        .columns(["issuer", "sub", "client_id"])
        .doUpdateSet({ revoked_at: at })
        // What was ended stays ended.
        .where((row) =>
          row.or([row("external_grants.revoked_at", "is", null), row("external_grants.revoked_at", "<", at)]),
        ),
    )
    .execute();
  await announce(tx, [{ kind: "grant", key: externalKey(selector) }], now);
  let known = tx
    .selectFrom("external_grants")
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .where("issuer", "=", issuer)
    .where("sub", "<>", "")
    .where("client_id", "<>", "")
    .where("roles_at", ">", 0);
  if (sub !== "") known = known.where("sub", "=", sub);
  if (client_id !== "") known = known.where("client_id", "=", client_id);
  return Number((await known.executeTakeFirstOrThrow()).count);
}
