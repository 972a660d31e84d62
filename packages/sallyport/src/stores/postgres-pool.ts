import { OAuthError } from "@sallyport/auth";
import type { PostgresPool, PostgresPoolClient } from "kysely";
import type { Pool, PoolClient } from "pg";

const MAX_CONNECTIONS = 10;
const INT8 = 20;
/** Of the time that one answer may take: a wait for a connection, and the statement itself. */
const CONNECT_SHARE = 0.4;

/**
 * The pool that Kysely gets. A failure of the server or of the way to it is told from a defect of ours: it becomes OAuthError
 * `store_unavailable`, and its connection is given up, because an answer that is late would otherwise stand in front of every later one
 * (a network that swallows packets keeps a socket open for a quarter of an hour).
 */
export async function createPool(
  connectionString: string,
  options: { readonly timeoutMs: number; readonly onBroken: (error: Error) => void },
): Promise<PostgresPool> {
  const pool = await openPool(connectionString, options.timeoutMs);
  // Without a listener a connection that breaks while idle would end the process; the pool replaces it by itself.
  pool.on("error", options.onBroken);
  return {
    async connect() {
      try {
        return guarded(await pool.connect());
      } catch (error) {
        throw named(error);
      }
    },
    end: () => pool.end(),
  };
}

/** Loaded when it is wanted: whoever runs on SQLite does not pay for it. */
async function openPool(connectionString: string, timeoutMs: number): Promise<Pool> {
  const { default: pg } = await import("pg");
  const connect = Math.ceil(timeoutMs * CONNECT_SHARE);
  return new pg.Pool({
    connectionString,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: connect,
    query_timeout: timeoutMs - connect,
    statement_timeout: timeoutMs - connect,
    keepAlive: true,
    types: {
      // bigint arrives as text; ours are seconds and counters, far below 2^53.
      getTypeParser: (oid: number, format?: "text" | "binary") =>
        oid === INT8 ? Number : pg.types.getTypeParser(oid, format),
    },
  });
}

function guarded(client: PoolClient): PostgresPoolClient {
  let broken: OAuthError | undefined;
  const query = async (text: string, parameters: readonly unknown[]) => {
    // The rollback after a failure would only wait once more.
    if (broken !== undefined) throw broken;
    try {
      return await client.query(text, [...parameters]);
    } catch (error) {
      const failure = named(error);
      if (failure instanceof OAuthError) broken = failure;
      throw failure;
    }
  };
  // Kysely's other way to ask, by a cursor, is for streams, which no store has.
  return {
    query: query as unknown as PostgresPoolClient["query"],
    release: () => client.release(broken !== undefined),
  };
}

/**
 * SQLSTATE classes and codes that speak of the server and not of the statement: connection exception, insufficient resources, operator
 * intervention (shutting down, starting up, statement timeout), and a server that became read-only by a failover.
 */
const OUTAGES = /^(?:08|53|57|25006$)/;

function named(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof TypeError) return error;
  // What the server says has a severity; all else comes from the driver: refused, broken, or too late.
  const fromServer = "severity" in error && "code" in error;
  if (fromServer && !OUTAGES.test(String(error.code))) return error;
  return new OAuthError("store_unavailable", { detail: String(error), retryAfter: 1, cause: error });
}
