import { chmodSync, closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import {
  type DatabaseConnection,
  type Driver,
  Kysely,
  SqliteDialect,
  SqliteDriver,
  type SqliteStatement,
  type Transaction,
} from "kysely";
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
  const connection = await retrying(async () => new Connection(() => connect(file)), options);
  const db = new Kysely<Schema>({ dialect: new ImmediateDialect(connection) });
  const write: Backend["write"] = (step) => retrying(() => db.transaction().execute(step), options);
  // One statement would be atomic by itself, but it would be the statement that meets another process's lock: see Connection.
  return {
    kind: "sqlite",
    db,
    write,
    writeOne: write,
    // A connection of its own: in WAL mode a transaction that only reads keeps nobody waiting, and sees nothing of what comes later.
    snapshot: (read) => (file === ":memory:" ? write(read) : readApart(file, read)),
    // Nothing runs beside an immediate transaction.
    alone: write,
    close: () => db.destroy(),
  };
}

async function readApart<T>(file: string, read: (tx: Transaction<Schema>) => Promise<T>): Promise<T> {
  const apart = new Kysely<Schema>({ dialect: new SqliteDialect({ database: new Connection(() => connect(file)) }) });
  try {
    return await apart.transaction().execute(read);
  } finally {
    await apart.destroy();
  }
}

function prepareFile(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  closeSync(openSync(file, "a", 0o600));
  // SQLite gives the -wal and -shm files the mode of the database.
  if (process.platform !== "win32") chmodSync(file, 0o600);
}

function connect(file: string): Libsql.Database {
  const database = new Libsql(file);
  try {
    for (const pragma of ["journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "trusted_schema = OFF"]) {
      database.pragma(pragma);
    }
    database.pragma(`busy_timeout = ${BLOCKING_WAIT_MS}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Kysely's driver prepares a statement at each execution; this remembers them by their text.
 *
 * A prepared statement that met a lock (SQLITE_BUSY) stays half executed until it is used again, because libsql does not reset it. Until
 * then the connection reads the database as it was at that moment: it would never hear of a revocation again. So locks are met where a
 * transaction begins, which leaves nothing behind; and a connection where it happened elsewhere is given up.
 */
class Connection {
  readonly #open: () => Libsql.Database;
  readonly #prepared = new Map<string, SqliteStatement>();
  #database: Libsql.Database | undefined;

  constructor(open: () => Libsql.Database) {
    this.#open = open;
    this.#database = open();
  }

  get inTransaction(): boolean {
    return this.#database?.inTransaction ?? false;
  }

  /** `exec` prepares, steps and drops: a lock that it meets leaves no statement half executed. */
  beginImmediate(): void {
    this.#database ??= this.#open();
    this.#database.exec("begin immediate");
  }

  prepare(text: string): SqliteStatement {
    const known = this.#prepared.get(text);
    if (known !== undefined) return known;
    this.#database ??= this.#open();
    const statement = this.#database.prepare(text);
    const guarded: SqliteStatement = {
      reader: statement.reader,
      all: (parameters) => this.#guard(() => statement.all(parameters)),
      run: (parameters) => this.#guard(() => statement.run(parameters)),
      iterate: (parameters) => statement.iterate(parameters),
    };
    if (this.#prepared.size >= MAX_PREPARED) this.#prepared.clear();
    this.#prepared.set(text, guarded);
    return guarded;
  }

  #guard<T>(step: () => T): T {
    try {
      return step();
    } catch (error) {
      if (isBusy(error)) this.close();
      throw error;
    }
  }

  close(): void {
    this.#prepared.clear();
    this.#database?.close();
    this.#database = undefined;
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
  override async beginTransaction(): Promise<void> {
    this.#connection.beginImmediate();
  }

  /** SQLite has rolled back by itself after some errors (a full disk); rolling back again would hide the error that tells. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#connection.inTransaction) await super.rollbackTransaction(connection);
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "code" in error && String(error.code).startsWith("SQLITE_BUSY");
}
