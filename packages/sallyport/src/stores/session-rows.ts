import type { Session } from "@sallyport/auth/authorization-server";
import type { Transaction } from "kysely";
import type { Schema } from "./schema.js";
import { fromJson, orNull, orUndefined } from "./values.js";

export function sessionOf({ scopes, dpop_jkt, revoked, ...row }: Schema["sessions"]): Session {
  return { ...row, scopes: fromJson(scopes), dpop_jkt: orUndefined(dpop_jkt), revoked: orUndefined(revoked) };
}

export function rowOf({ scopes, dpop_jkt, revoked, ...session }: Session): Schema["sessions"] {
  return { ...session, scopes: JSON.stringify(scopes), dpop_jkt: orNull(dpop_jkt), revoked: orNull(revoked) };
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
