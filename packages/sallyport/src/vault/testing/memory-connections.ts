import type { Connection, ConnectionStore } from "../contract.js";

/** The contract of `vault/contract.ts` over memory. */
export function createMemoryConnections(): ConnectionStore {
  const rows = new Map<string, { connection: Connection; claimedUntil: number | undefined }>();
  const idOf = ({ sub, connection }: Pick<Connection, "sub" | "connection">) => JSON.stringify([sub, connection]);
  const current = (key: Pick<Connection, "sub" | "connection" | "version">) => {
    const row = rows.get(idOf(key));
    return row?.connection.version === key.version ? row : undefined;
  };
  return {
    find: async (sub, connection) => rows.get(idOf({ sub, connection }))?.connection,
    list: async (sub) => [...rows.values()].map(({ connection }) => connection).filter((one) => one.sub === sub),
    save: async (connection) => void rows.set(idOf(connection), { connection, claimedUntil: undefined }),
    claim: async (key, now, until) => {
      const row = current(key);
      if (row === undefined || (row.claimedUntil !== undefined && row.claimedUntil > now)) return false;
      row.claimedUntil = until;
      return true;
    },
    release: async (key) => {
      const row = current(key);
      if (row !== undefined) row.claimedUntil = undefined;
    },
    replace: async (version, next) => {
      if (current({ ...next, version }) === undefined) return false;
      rows.set(idOf(next), { connection: next, claimedUntil: undefined });
      return true;
    },
    end: async (connection, { sub, createdBefore = Number.POSITIVE_INFINITY }, now) => {
      const ended = [...rows.values()].filter(
        ({ connection: one }) =>
          one.connection === connection &&
          (sub ?? one.sub) === one.sub &&
          one.created < createdBefore &&
          (one.ends ?? Number.POSITIVE_INFINITY) > now,
      );
      for (const row of ended) row.connection = { ...row.connection, ends: now, version: `${row.connection.version}.` };
      return ended.length;
    },
    over: async (connection, now) =>
      [...rows.values()].flatMap(({ connection: one }) =>
        one.connection === connection && one.ends !== undefined && one.ends <= now ? [one.sub] : [],
      ),
    remove: async (sub, connection, createdBefore = Number.POSITIVE_INFINITY) => {
      const row = rows.get(idOf({ sub, connection }));
      if (row === undefined || row.connection.created >= createdBefore) return undefined;
      rows.delete(idOf({ sub, connection }));
      return row.connection;
    },
  };
}
