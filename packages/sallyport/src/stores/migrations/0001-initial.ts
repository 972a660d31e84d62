import { type CreateTableBuilder, type Kysely, sql } from "kysely";

type Column = readonly [name: string, type: "text" | "bigint" | "integer", key?: "key" | "null"];

/** name → columns; `key` columns make the primary key, `null` columns may be empty. */
const TABLES: Readonly<Record<string, readonly Column[]>> = {
  clients: [
    ["client_id", "text", "key"],
    ["origin", "text"],
    ["metadata", "text"],
    ["secret_hash", "text", "null"],
    ["created", "bigint"],
    ["expires", "bigint", "null"],
  ],
  pending: [
    ["id_hash", "text", "key"],
    ["client_id", "text"],
    ["expires", "bigint"],
    ["record", "text"],
  ],
  codes: [
    ["code_hash", "text", "key"],
    ["session_id", "text"],
    ["expires", "bigint"],
    ["consumed", "bigint", "null"],
    ["record", "text"],
  ],
  grants: [
    ["id", "text", "key"],
    ["sub", "text"],
    ["client_id", "text"],
    ["resource", "text"],
    ["scopes", "text"],
    ["created", "bigint"],
    ["updated", "bigint"],
  ],
  sessions: [
    ["id", "text", "key"],
    ["grant_id", "text"],
    ["sub", "text"],
    ["client_id", "text"],
    ["resource", "text"],
    ["scopes", "text"],
    ["dpop_jkt", "text", "null"],
    ["label", "text"],
    ["auth_time", "bigint"],
    ["created", "bigint"],
    ["last_used", "bigint"],
    ["idle_expires", "bigint"],
    ["expires", "bigint"],
    ["revoked", "bigint", "null"],
  ],
  refresh_tokens: [
    ["hash", "text", "key"],
    ["session_id", "text"],
    ["predecessor", "text", "null"],
    ["rotated", "bigint", "null"],
    ["successor", "text", "null"],
    ["sealed_successor", "text", "null"],
  ],
  replay: [
    ["kind", "text", "key"],
    ["key", "text", "key"],
    ["expires", "bigint"],
  ],
  users: [
    ["sub", "text", "key"],
    ["name", "text"],
    ["name_key", "text"],
    ["roles", "text"],
    ["owner", "integer"],
    ["disabled", "integer"],
    ["password_hash", "text", "null"],
    ["created", "bigint"],
  ],
  passkeys: [
    ["id", "text", "key"],
    ["sub", "text"],
    ["public_key", "text"],
    ["counter", "bigint"],
    ["transports", "text"],
    ["label", "text"],
    ["created", "bigint"],
  ],
  entitlements: [
    ["sub", "text", "key"],
    ["server", "text", "key"],
    ["scopes", "text"],
  ],
  browser_sessions: [
    ["token_hash", "text", "key"],
    ["sub", "text"],
    ["auth_time", "bigint"],
    ["purpose", "text"],
    ["secrets", "text"],
    ["expires", "bigint"],
  ],
  one_time_codes: [
    ["purpose", "text", "key"],
    ["sub", "text", "key"],
    ["code_hash", "text"],
    ["tries", "integer"],
    ["expires", "bigint"],
  ],
  ceremonies: [
    ["id", "text", "key"],
    ["challenge", "text"],
    ["sub", "text", "null"],
    ["expires", "bigint"],
  ],
  changes: [
    ["seq", "bigint", "key"],
    ["kind", "text"],
    ["key", "text"],
    ["at", "bigint"],
  ],
  counters: [
    ["name", "text", "key"],
    ["value", "bigint"],
  ],
  signing_keys: [
    ["kid", "text", "key"],
    ["alg", "text"],
    ["public_jwk", "text"],
    ["private_jwk", "text"],
    ["created", "bigint"],
    ["retired", "bigint", "null"],
  ],
  catalogue: [
    ["server", "text", "key"],
    ["tool", "text", "key"],
    ["scope", "text"],
    ["hash", "text"],
    ["first_seen", "bigint"],
    ["accepted", "bigint", "null"],
  ],
  installations: [
    ["name", "text", "key"],
    ["fingerprint", "text"],
    ["created", "bigint"],
  ],
};

/** Beyond the primary keys: what is looked up, and what must be unique. */
const INDEXES: readonly { readonly on: string; readonly columns: readonly string[]; readonly unique?: true }[] = [
  { on: "clients", columns: ["expires"] },
  { on: "pending", columns: ["expires"] },
  { on: "pending", columns: ["client_id"] },
  { on: "codes", columns: ["expires"] },
  { on: "codes", columns: ["session_id"] },
  { on: "grants", columns: ["sub", "client_id", "resource"], unique: true },
  { on: "grants", columns: ["client_id"] },
  { on: "sessions", columns: ["grant_id"] },
  { on: "sessions", columns: ["sub"] },
  { on: "sessions", columns: ["client_id"] },
  { on: "sessions", columns: ["expires"] },
  { on: "refresh_tokens", columns: ["session_id"] },
  { on: "refresh_tokens", columns: ["rotated"] },
  { on: "replay", columns: ["expires"] },
  { on: "users", columns: ["name_key"], unique: true },
  { on: "passkeys", columns: ["sub"] },
  { on: "browser_sessions", columns: ["sub"] },
  { on: "browser_sessions", columns: ["expires"] },
  { on: "one_time_codes", columns: ["code_hash"] },
  { on: "ceremonies", columns: ["expires"] },
  { on: "changes", columns: ["at"] },
];

/** table → its column that names an owner in another table, with which the row goes. */
const OWNED: Readonly<Record<string, readonly [column: string, table: string, key: string]>> = {
  refresh_tokens: ["session_id", "sessions", "id"],
  passkeys: ["sub", "users", "sub"],
};

export async function up(db: Kysely<never>): Promise<void> {
  for (const [table, columns] of Object.entries(TABLES)) await createTable(db, table, columns);
  for (const { on, columns, unique } of INDEXES) {
    const index = db.schema
      .createIndex(`${on}_${columns.join("_")}`)
      .on(on)
      .columns([...columns]);
    await (unique ? index.unique() : index).execute();
  }
  // At most one key signs, however many processes start at once.
  await sql`create unique index signing_keys_current on signing_keys (alg) where retired is null`.execute(db);
  await sql`insert into counters (name, value) values ('changes', 0)`.execute(db);
}

async function createTable(db: Kysely<never>, table: string, columns: readonly Column[]): Promise<void> {
  const keys = columns.filter(([, , key]) => key === "key").map(([name]) => name);
  let builder: CreateTableBuilder<string, string> = db.schema.createTable(table);
  for (const [name, type, key] of columns) {
    builder = builder.addColumn(name, type, (column) => (key === "null" ? column : column.notNull()));
  }
  builder = builder.addPrimaryKeyConstraint(`${table}_key`, keys);
  const owner = OWNED[table];
  if (owner !== undefined) {
    const [column, parent, key] = owner;
    builder = builder.addForeignKeyConstraint(`${table}_owner`, [column], parent, [key], (to) =>
      to.onDelete("cascade"),
    );
  }
  await builder.execute();
}
