import type { Schema } from "./schema.js";

/** What a backup needs to know of a table. */
export interface TableRow {
  /** Primary key, by which rows are read page by page. */
  readonly key: readonly string[];
  /** Lives minutes, or belongs to one running database: not in a backup, so that nothing that was used up comes back. */
  readonly transient?: true;
}

/** Every table, those that others point to first. */
export const TABLES: Readonly<Record<keyof Schema, TableRow>> = {
  facts: { key: ["name"] },
  counters: { key: ["name"] },
  installations: { key: ["name"] },
  signing_keys: { key: ["kid"] },
  secrets: { key: ["name"] },
  catalogue: { key: ["server", "tool"] },
  users: { key: ["sub"] },
  passkeys: { key: ["id"] },
  identities: { key: ["issuer", "subject"] },
  idp_sessions: { key: ["issuer", "sid_hash", "sub"] },
  entitlements: { key: ["sub", "server"] },
  clients: { key: ["client_id"] },
  client_documents: { key: ["client_id"] },
  grants: { key: ["id"] },
  sessions: { key: ["id"] },
  refresh_tokens: { key: ["hash"] },
  connections: { key: ["id"] },
  external_grants: { key: ["issuer", "sub", "client_id"] },
  replay: { key: ["kind", "key"] },
  refusals: { key: ["session_id"], transient: true },
  idp_sign_outs: { key: ["issuer", "who_hash"], transient: true },
  pending: { key: ["id_hash"], transient: true },
  codes: { key: ["code_hash"], transient: true },
  devices: { key: ["device_hash"], transient: true },
  browser_sessions: { key: ["token_hash"], transient: true },
  one_time_codes: { key: ["purpose", "sub"], transient: true },
  ceremonies: { key: ["id"], transient: true },
  changes: { key: ["seq"], transient: true },
};

export const TABLE_NAMES = Object.keys(TABLES) as readonly (keyof Schema)[];

/** What a backup holds, in the order in which it can be put back. */
export const KEPT_TABLES = TABLE_NAMES.filter((table) => TABLES[table].transient !== true);
