import type { System } from "@sallyport/auth";
import type { Identity, IdentityStore } from "../sign-in/storage.js";
import type { Backend } from "./backend.js";
import { announce } from "./change-feed.js";
import { rowOf, userOf } from "./user-rows.js";
import { fromJson, orNull, orUndefined } from "./values.js";

export function createIdentityStore({ db, write, writeOne }: Backend, system: Pick<System, "now">): IdentityStore {
  return {
    signIn: ({ issuer, subject, name, roles, roles_at, sid_hash }, newcomer) =>
      write(async (tx) => {
        const said = { name: orNull(name), roles: JSON.stringify(roles), roles_at };
        const known = await tx
          .updateTable("identities")
          .set(said)
          .where("issuer", "=", issuer)
          .where("subject", "=", subject)
          .returning("sub")
          .executeTakeFirst();
        const sub = known?.sub ?? newcomer.sub;
        if (known === undefined) {
          await tx.insertInto("users").values(rowOf(newcomer)).execute();
          await tx
            .insertInto("identities")
            .values({ issuer, subject, sub, ...said })
            .execute();
        }
        if (sid_hash !== undefined) {
          await tx
            .insertInto("idp_sessions")
            .values({ issuer, sid_hash, sub, seen: roles_at })
            .onConflict((conflict) => conflict.columns(["issuer", "sid_hash", "sub"]).doUpdateSet({ seen: roles_at }))
            .execute();
        }
        await announce(tx, [{ kind: "user", key: sub }], system.now());
        return userOf(await tx.selectFrom("users").selectAll().where("sub", "=", sub).executeTakeFirstOrThrow());
      }),
    async find(issuer, subject) {
      const known = db
        .selectFrom("identities")
        .select("sub")
        .where("issuer", "=", issuer)
        .where("subject", "=", subject);
      return (await known.executeTakeFirst())?.sub;
    },
    async ofSession(issuer, sid_hash) {
      const known = db
        .selectFrom("idp_sessions")
        .select("sub")
        .where("issuer", "=", issuer)
        .where("sid_hash", "=", sid_hash)
        .orderBy("sub");
      return (await known.execute()).map(({ sub }) => sub);
    },
    async signedOut(issuer, who_hash, at) {
      await writeOne((one) =>
        one
          .insertInto("idp_sign_outs")
          .values({ issuer, who_hash, at })
          .onConflict((conflict) =>
            conflict.columns(["issuer", "who_hash"]).doUpdateSet({ at }).where("idp_sign_outs.at", "<", at),
          )
          .execute(),
      );
    },
    async lastSignOut(issuer, who_hash) {
      const last = db
        .selectFrom("idp_sign_outs")
        .select("at")
        .where("issuer", "=", issuer)
        .where("who_hash", "=", who_hash);
      return (await last.executeTakeFirst())?.at;
    },
    async list(sub) {
      const rows = await db.selectFrom("identities").selectAll().where("sub", "=", sub).orderBy("issuer").execute();
      return rows.map(
        ({ name, roles, ...row }): Identity => ({ ...row, name: orUndefined(name), roles: fromJson(roles) }),
      );
    },
  };
}
