import { OAuthError } from "@sallyport/auth";
import type { Session, SessionStore } from "@sallyport/auth/authorization-server";
import type { Transaction } from "kysely";
import type { Backend } from "./backend.js";
import { revoke } from "./revocation.js";
import { rotate } from "./rotation.js";
import type { Schema } from "./schema.js";
import { addRefreshToken, rowOf, sessionOf } from "./session-rows.js";

export function createSessionStore({ db, write }: Backend): SessionStore {
  return {
    create: (session, refresh_hash) => write((tx) => addSession(tx, session, refresh_hash)),
    async find(id) {
      const row = await db.selectFrom("sessions").selectAll().where("id", "=", id).executeTakeFirst();
      return row && sessionOf(row);
    },
    async findByRefresh(refresh_hash) {
      const row = await db
        .selectFrom("refresh_tokens")
        .innerJoin("sessions", "sessions.id", "refresh_tokens.session_id")
        .selectAll("sessions")
        .select("refresh_tokens.rotated")
        .where("refresh_tokens.hash", "=", refresh_hash)
        .executeTakeFirst();
      if (row === undefined) return undefined;
      const { rotated, ...session } = row;
      return { session: sessionOf(session), current: rotated === null };
    },
    rotate: (rotation) => write((tx) => rotate(tx, rotation)),
    async list(sub, now) {
      const rows = await db
        .selectFrom("sessions")
        .selectAll()
        .where("sub", "=", sub)
        .where("revoked", "is", null)
        .where("idle_expires", ">", now)
        .where("expires", ">", now)
        .orderBy("created", "desc")
        .execute();
      return rows.map(sessionOf);
    },
    revoke: (selector, now) => write((tx) => revoke(tx, selector, now)),
  };
}

/** `SessionStore.create` as a part of its caller's transaction. */
export async function addSession(
  tx: Transaction<Schema>,
  session: Session,
  refresh_hash: string | undefined,
): Promise<void> {
  const grant = await tx.selectFrom("grants").select("id").where("id", "=", session.grant_id).executeTakeFirst();
  if (grant === undefined) throw new OAuthError("session_ended", { detail: "the grant is gone" });
  if (session.parent_id !== undefined) await requireLive(tx, session.parent_id, session.created);
  await tx.insertInto("sessions").values(rowOf(session)).execute();
  if (refresh_hash !== undefined) {
    await addRefreshToken(tx, { hash: refresh_hash, session_id: session.id, predecessor: null });
  }
}

/** What descends from a session cannot begin after its end, however close the two come. */
async function requireLive(tx: Transaction<Schema>, id: string, now: number): Promise<void> {
  const live = await tx
    .selectFrom("sessions")
    .select("id")
    .where("id", "=", id)
    .where("revoked", "is", null)
    .where("idle_expires", ">", now)
    .where("expires", ">", now)
    .executeTakeFirst();
  if (live === undefined) throw new OAuthError("session_ended", { detail: "the parent session has ended" });
}
