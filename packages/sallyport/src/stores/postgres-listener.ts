import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "pg";

export const CHANNEL = "sallyport_changes";

/** After this a lost connection is tried again. Meanwhile the feed is looked at as often as ever. */
const AGAIN_MS = 1_000;
const CONNECT_WITHIN_MS = 2_000;
const LEAVE_WITHIN_MS = 500;

/**
 * Hears on a connection of its own that another process has announced something (LISTEN/NOTIFY), and connects again by itself. A notice is
 * only a hint to look: some get lost with a connection, and behind a pooler that shares connections between transactions none may come.
 *
 * @param onNotice also called when a connection stands again, for what was missed.
 * @returns ends it.
 */
export function listenForChanges(
  connectionString: string,
  on: { onNotice(): void; onBroken(error: Error): void },
): () => Promise<void> {
  let stopped = false;
  let current: Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  const connect = async (): Promise<void> => {
    const { default: pg } = await import("pg");
    if (stopped) return;
    const client = new pg.Client({
      connectionString,
      connectionTimeoutMillis: CONNECT_WITHIN_MS,
      query_timeout: CONNECT_WITHIN_MS,
      keepAlive: true,
    });
    current = client;
    let stands = false;
    const lost = (error: Error | undefined): void => {
      if (current !== client) return;
      current = undefined;
      client.end().catch(() => undefined);
      if (stopped) return;
      // Said once: while the server is away, the look at the feed says so again and again.
      if (stands) on.onBroken(error ?? new Error("the server ended it"));
      timer = setTimeout(() => void connect().catch(on.onBroken), AGAIN_MS);
      timer.unref();
    };
    client.on("error", lost);
    client.on("end", () => lost(undefined));
    client.on("notification", () => on.onNotice());
    try {
      await client.connect();
      await client.query(`listen ${CHANNEL}`);
      stands = true;
      on.onNotice();
    } catch (error) {
      lost(error instanceof Error ? error : new Error(String(error)));
    }
  };
  // Without the driver there are no notices, and the pool says why.
  connect().catch((error: unknown) => on.onBroken(error instanceof Error ? error : new Error(String(error))));
  return async () => {
    stopped = true;
    clearTimeout(timer);
    // A server that does not answer must not keep anybody from leaving.
    await Promise.race([current?.end().catch(() => undefined), pause(LEAVE_WITHIN_MS, undefined, { ref: false })]);
  };
}
