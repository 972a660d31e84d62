import type { RevocationSelector } from "@sallyport/auth/authorization-server";
import type { Transaction } from "kysely";
import { announce } from "./change-feed.js";
import type { Schema } from "./schema.js";
import { endDescendants } from "./session-rows.js";

/**
 * Ends what the selector names and announces it, one transaction of its caller.
 * @returns how many live sessions ended.
 */
export async function revoke(tx: Transaction<Schema>, selector: RevocationSelector, now: number): Promise<number> {
  if (Object.values(selector).every((value) => value === undefined)) {
    throw new TypeError("a revocation names something");
  }
  const sessions = await endDescendants(tx, await endSessions(tx, selector, now), now);
  const changes = sessions.map((key) => ({ kind: "session" as const, key }));
  // A code that was not redeemed yet needs no mark: without its grant it makes no session, and nobody knows a session's id before.
  const grants = selector.session_id === undefined ? await endGrants(tx, selector) : [];
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
