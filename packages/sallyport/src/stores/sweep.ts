import { setImmediate as turn } from "node:timers/promises";
import { type RawBuilder, sql } from "kysely";
import type { Backend } from "./backend.js";
import type { Schema } from "./schema.js";

const HOUR = 3_600;
const DAY = 24 * HOUR;

/** What may go, table by table: the primary key, and the condition at `now`. Order matters only for the counting of live things. */
interface Rule {
  readonly table: keyof Schema;
  readonly key: readonly string[];
  gone(now: number): RawBuilder<unknown>;
}

const expired = (now: number) => sql`expires <= ${now}`;

const RULES: readonly Rule[] = [
  { table: "pending", key: ["id_hash"], gone: expired },
  // A code is remembered while the session it made is, so that a replay still knows what to end; a code nobody redeemed, an hour.
  {
    table: "codes",
    key: ["code_hash"],
    gone: (now) => sql`expires <= ${now - HOUR} and not exists (select 1 from sessions where id = codes.session_id)`,
  },
  // A device that comes late is told that it is late.
  { table: "devices", key: ["device_hash"], gone: (now) => sql`expires <= ${now - HOUR}` },
  // An ended session is shown as ended for a day; what remains of its tokens goes with it.
  {
    table: "sessions",
    key: ["id"],
    gone: (now) => sql`expires <= ${now - DAY} or idle_expires <= ${now - DAY} or revoked <= ${now - DAY}`,
  },
  // Presented after this, a rotated token is unknown: refused as before, but it no longer ends the session.
  { table: "refresh_tokens", key: ["hash"], gone: (now) => sql`rotated <= ${now - 30 * DAY}` },
  // Nothing that could still lead to a token may lose its client.
  {
    table: "clients",
    key: ["client_id"],
    gone: (now) => sql`expires <= ${now}
      and not exists (select 1 from grants where grants.client_id = clients.client_id)
      and not exists (select 1 from pending where pending.client_id = clients.client_id)
      and not exists (select 1 from sessions where sessions.client_id = clients.client_id and revoked is null)`,
  },
  // Longer than a provider keeps somebody signed in, and as long as a session here by default.
  { table: "idp_sessions", key: ["issuer", "sid_hash", "sub"], gone: (now) => sql`seen <= ${now - 180 * DAY}` },
  // Longer than a sign-in there may take.
  { table: "idp_sign_outs", key: ["issuer", "who_hash"], gone: (now) => sql`at <= ${now - HOUR}` },
  { table: "replay", key: ["kind", "key"], gone: expired },
  { table: "browser_sessions", key: ["token_hash"], gone: expired },
  { table: "one_time_codes", key: ["purpose", "sub"], gone: expired },
  { table: "ceremonies", key: ["id"], gone: expired },
  // Whoever keeps them ends them first, there too; where nothing is kept any more, they just go.
  { table: "connections", key: ["id"], gone: (now) => sql`ends <= ${now - HOUR}` },
  // Longer than a consent page names one.
  { table: "refusals", key: ["session_id"], gone: (now) => sql`at <= ${now - HOUR}` },
  // Far beyond the longest access token, for a process that slept.
  { table: "changes", key: ["seq"], gone: (now) => sql`at <= ${now - DAY}` },
  // A verifier needs a public key for as long as tokens signed with it live; a week covers any lifetime that may be configured.
  { table: "signing_keys", key: ["kid"], gone: (now) => sql`retired <= ${now - 7 * DAY}` },
];

/**
 * Deletes what has expired, at most `limit` rows of each table, one short transaction each.
 * @returns how many rows went; as long as that is not 0, there may be more.
 */
export async function sweep({ write }: Backend, now: number, limit = 500): Promise<number> {
  let gone = 0n;
  for (const rule of RULES) {
    const key = sql.join(rule.key.map((column) => sql.ref(column)));
    const table = sql.table(rule.table);
    const removal = sql`delete from ${table} where (${key}) in
      (select ${key} from ${table} where ${rule.gone(now)} limit ${sql.lit(limit)})`;
    const { numAffectedRows } = await write((tx) => removal.execute(tx));
    gone += numAffectedRows ?? 0n;
    // An embedded database answers in microtasks: calls come in between.
    await turn();
  }
  return Number(gone);
}
