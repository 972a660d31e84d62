import type { Session } from "@sallyport/auth/authorization-server";
import type { Transaction } from "kysely";
import type { Schema } from "./schema.js";
import { fromJson, orNull, orUndefined } from "./values.js";

/** Nearly nobody has any, and then there is nothing to read. */
export function detailsOf(details: string | null): Pick<Session, "details"> {
  return details === null ? {} : { details: fromJson(details) };
}

export function detailsText(details: Session["details"]): string | null {
  return details === undefined || details.length === 0 ? null : JSON.stringify(details);
}

export function sessionOf({ scopes, details, parent_id, dpop_jkt, revoked, ...row }: Schema["sessions"]): Session {
  return {
    ...row,
    parent_id: orUndefined(parent_id),
    scopes: fromJson(scopes),
    ...detailsOf(details),
    dpop_jkt: orUndefined(dpop_jkt),
    revoked: orUndefined(revoked),
  };
}

export function rowOf({ scopes, details, parent_id, dpop_jkt, revoked, ...session }: Session): Schema["sessions"] {
  return {
    ...session,
    parent_id: orNull(parent_id),
    scopes: JSON.stringify(scopes),
    details: detailsText(details),
    dpop_jkt: orNull(dpop_jkt),
    revoked: orNull(revoked),
  };
}

/** A live one: it has no successor yet. */
export async function addRefreshToken(
  tx: Transaction<Schema>,
  token: Pick<Schema["refresh_tokens"], "hash" | "session_id" | "predecessor">,
): Promise<void> {
  await tx
    .insertInto("refresh_tokens")
    .values({ ...token, rotated: null, successor: null, sealed_successor: null })
    .execute();
}

/** Above this a list of values costs more than looking through the table. */
const MAX_LISTED = 100;

/**
 * Ends what was made, directly or not, by exchanging tokens of sessions that have just ended (`revoked` = `now`).
 * @returns the ids of all that ended, those given first
 */
export async function endDescendants(tx: Transaction<Schema>, ids: readonly string[], now: number): Promise<string[]> {
  const ended = [...ids];
  for (let parents = ids; parents.length > 0; ) {
    const children = tx.updateTable("sessions").set({ revoked: now }).where("revoked", "is", null);
    const named =
      parents.length <= MAX_LISTED
        ? children.where("parent_id", "in", [...parents])
        : children.where("parent_id", "in", (query) =>
            query.selectFrom("sessions as parent").select("parent.id").where("parent.revoked", "=", now),
          );
    const rows = await named.returning("id").execute();
    parents = rows.map(({ id }) => id);
    ended.push(...parents);
  }
  return ended;
}
