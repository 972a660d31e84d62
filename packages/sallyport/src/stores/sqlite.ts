import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { CompiledQuery, type DatabaseConnection, type Driver, Kysely, SqliteDialect, SqliteDriver } from "kysely";
import Libsql from "libsql";
import { ANSWER_WITHIN_MS, type Backend, retrying } from "./backend.js";
import type { Schema } from "./schema.js";

export interface SqliteOptions {
  /** Path of the database file, or `:memory:`. */
  readonly file: string;
  /** How long a write waits for another process; default {@link ANSWER_WITHIN_MS}. */
  readonly busyTimeoutMs?: number;
}

/** Inside SQLite's own wait the process stands still; everything longer waits outside, in {@link retrying}. */
const BLOCKING_WAIT_MS = 5;
/** Statements kept prepared; there are fewer than this, but a list of values makes a statement per length. */
const MAX_PREPARED = 200;

/**
 * Opens or makes the file (mode 0600; its folder, when it has to be made, 0700). synchronous=FULL: a commit is on the disk before the
 * write resolves, in a power cut too.
 */
export async function openSqlite({ file, busyTimeoutMs = ANSWER_WITHIN_MS }: SqliteOptions): Promise<Backend> {
  if (file !== ":memory:") prepareFile(file);
  const options = { isTransient: isBusy, limitMs: busyTimeoutMs };
  const connection = await retrying(async () => connect(file), options);
  const db = new Kysely<Schema>({ dialect: new ImmediateDialect(connection) });
  return {
    db,
    write: (step) => retrying(() => db.transaction().execute(step), options),
    writeOne: (statement) => retrying(() => statement(db), options),
    close: () => db.destroy(),
  };
}

function prepareFile(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  closeSync(openSync(file, "a", 0o600));
  // SQLite gives the -wal and -shm files the mode of the database.
  if (process.platform !== "win32") chmodSync(file, 0o600);
}

function connect(file: string): Connection {
  const database = new Libsql(file);
  try {
    for (const pragma of ["journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "trusted_schema = OFF"]) {
      database.pragma(pragma);
    }
    database.pragma(`busy_timeout = ${BLOCKING_WAIT_MS}`);
    return new Connection(database);
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Kysely's driver prepares a statement at each execution; this remembers them by their text. */
class Connection {
  readonly #database: Libsql.Database;
  readonly #prepared = new Map<string, Libsql.Statement>();

  constructor(database: Libsql.Database) {
    this.#database = database;
  }

  get inTransaction(): boolean {
    return this.#database.inTransaction;
  }

  prepare(text: string): Libsql.Statement {
    const known = this.#prepared.get(text);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(text);
    if (this.#prepared.size >= MAX_PREPARED) this.#prepared.clear();
    this.#prepared.set(text, statement);
    return statement;
  }

  close(): void {
    this.#prepared.clear();
    this.#database.close();
  }
}

class ImmediateDialect extends SqliteDialect {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    super({ database: connection });
    this.#connection = connection;
  }

  override createDriver(): Driver {
    return new ImmediateDriver(this.#connection);
  }
}

class ImmediateDriver extends SqliteDriver {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    super({ database: connection });
    this.#connection = connection;
  }

  /** A deferred transaction that reads first cannot be sure to write later; an immediate one waits at the start, where waiting is safe. */
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw("begin immediate"));
  }

  /** SQLite has rolled back by itself after some errors (a full disk); rolling back again would hide the error that tells. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#connection.inTransaction) await super.rollbackTransaction(connection);
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "code" in error && String(error.code).startsWith("SQLITE_BUSY");
}
