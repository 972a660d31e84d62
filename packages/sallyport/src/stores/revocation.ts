import type { RevocationSelector } from "@sallyport/auth/authorization-server";
import type { Transaction } from "kysely";
import { announce } from "./change-feed.js";
import type { Schema } from "./schema.js";
import { endDescendants } from "./session-rows.js";
import { fromJson } from "./values.js";

/**
 * Ends what the selector names and announces it, one transaction of its caller.
 * @returns how many live sessions ended.
 */
export async function revoke(tx: Transaction<Schema>, selector: RevocationSelector, now: number): Promise<number> {
  if (Object.values(selector).every((value) => value === undefined)) {
    throw new TypeError("a revocation names something");
  }
  const { session_id } = selector;
  const sessions = await endDescendants(tx, await endSessions(tx, selector, now), now);
  const changes = sessions.map((key) => ({ kind: "session" as const, key }));
  if (session_id !== undefined) {
    await endBeforehand(tx, { ...selector, session_id }, now);
    await announce(tx, changes, now);
    return sessions.length;
  }
  const grants = await endGrants(tx, selector);
  await announce(tx, [...changes, ...grants.map((key) => ({ kind: "grant" as const, key }))], now);
  return sessions.length;
}

const WHO = ["sub", "client_id", "resource"] as const;

async function endSessions(tx: Transaction<Schema>, selector: RevocationSelector, now: number): Promise<string[]> {
  const { session_id, grant_id, issued_before } = selector;
  let update = tx.updateTable("sessions").set({ revoked: now }).where("revoked", "is", null);
  if (session_id !== undefined) update = update.where("id", "=", session_id);
  if (grant_id !== undefined) update = update.where("grant_id", "=", grant_id);
  if (issued_before !== undefined) update = update.where("created", "<", issued_before);
  for (const member of WHO) {
    const value = selector[member];
    if (value !== undefined) update = update.where(member, "=", value);
  }
  const rows = await update.returning("id").execute();
  return rows.map(({ id }) => id);
}

/** The grant keys that ended, as the feed has them. A grant that was consented to again at or after `issued_before` stays. */
async function endGrants(tx: Transaction<Schema>, selector: RevocationSelector): Promise<string[]> {
  const { grant_id, issued_before } = selector;
  let removal = tx.deleteFrom("grants");
  if (grant_id !== undefined) removal = removal.where("id", "=", grant_id);
  if (issued_before !== undefined) removal = removal.where("updated", "<", issued_before);
  for (const member of WHO) {
    const value = selector[member];
    if (value !== undefined) removal = removal.where(member, "=", value);
  }
  const rows = await removal.returning(WHO).execute();
  return rows.map(({ sub, client_id, resource }) => JSON.stringify([sub, client_id, resource]));
}

/** A code knows the session that redeeming it makes: marking it keeps that session from being made after it was ended. */
async function endBeforehand(
  tx: Transaction<Schema>,
  { session_id, issued_before, ...members }: RevocationSelector & { readonly session_id: string },
  now: number,
): Promise<void> {
  if (issued_before !== undefined) return;
  const rows = await tx
    .selectFrom("codes")
    .select(["code_hash", "record"])
    .where("session_id", "=", session_id)
    .where("revoked", "is", null)
    .execute();
  for (const { code_hash, record } of rows) {
    const code = fromJson<Readonly<Record<string, unknown>>>(record);
    const named = Object.entries(members).every(([member, value]) => value === undefined || code[member] === value);
    if (named) await tx.updateTable("codes").set({ revoked: now }).where("code_hash", "=", code_hash).execute();
  }
}
