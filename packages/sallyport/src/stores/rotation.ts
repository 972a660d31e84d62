import type { Rotation, RotationResult, Session } from "@sallyport/auth/authorization-server";
import type { Transaction } from "kysely";
import { announce } from "./change-feed.js";
import type { Schema } from "./schema.js";
import { addRefreshToken, endDescendants, sessionOf } from "./session-rows.js";

type RefreshToken = Schema["refresh_tokens"];

/** Refresh token rotation (OAuth 2.1 §4.3.1, RFC 9700 §4.14.2) as {@link RotationResult} words it; one transaction of its caller. */
export async function rotate(tx: Transaction<Schema>, rotation: Rotation): Promise<RotationResult> {
  const token = await findToken(tx, rotation.presented_hash);
  const row =
    token && (await tx.selectFrom("sessions").selectAll().where("id", "=", token.session_id).executeTakeFirst());
  if (token === undefined || row === undefined) return { status: "unknown" };
  const session = sessionOf(row);
  if (session.client_id !== rotation.client_id || session.dpop_jkt !== rotation.dpop_jkt) return { status: "unknown" };
  const { now } = rotation;
  if (session.revoked !== undefined || now >= session.idle_expires || now >= session.expires) {
    return { status: "ended", session };
  }
  if (token.rotated === null) return { status: "rotated", session: await succeed(tx, session, { token, rotation }) };
  const { sealed_successor } = token;
  const inGrace = now < token.rotated + rotation.grace;
  if (inGrace && sealed_successor !== null) return { status: "repeated", session, sealed_successor };
  return { status: "reused", session: await end(tx, session, now) };
}

async function succeed(
  tx: Transaction<Schema>,
  session: Session,
  { token, rotation }: { readonly token: RefreshToken; readonly rotation: Rotation },
): Promise<Session> {
  const { now, successor_hash, sealed_successor } = rotation;
  await tx
    .updateTable("refresh_tokens")
    .set({ rotated: now, successor: successor_hash, sealed_successor })
    .where("hash", "=", token.hash)
    .execute();
  await addRefreshToken(tx, { hash: successor_hash, session_id: session.id, predecessor: token.hash });
  // A successor that is used has arrived: what the predecessor kept for a repetition goes, and with it the grace.
  if (token.predecessor !== null) {
    await tx
      .updateTable("refresh_tokens")
      .set({ sealed_successor: null })
      .where("hash", "=", token.predecessor)
      .execute();
  }
  const times = { last_used: now, idle_expires: now + rotation.idle_lifetime };
  await tx.updateTable("sessions").set(times).where("id", "=", session.id).execute();
  return { ...session, ...times };
}

async function end(tx: Transaction<Schema>, session: Session, now: number): Promise<Session> {
  await tx.updateTable("sessions").set({ revoked: now }).where("id", "=", session.id).execute();
  const ended = await endDescendants(tx, [session.id], now);
  await announce(
    tx,
    ended.map((key) => ({ kind: "session", key })),
    now,
  );
  return { ...session, revoked: now };
}

function findToken(tx: Transaction<Schema>, hash: string): Promise<RefreshToken | undefined> {
  return tx.selectFrom("refresh_tokens").selectAll().where("hash", "=", hash).executeTakeFirst();
}
