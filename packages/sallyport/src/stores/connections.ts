import { sql } from "kysely";
import type { Sealer } from "../sealing/sealer.js";
import type { Connection, ConnectionStore, ConnectionTokens } from "../vault/contract.js";
import type { Backend } from "./backend.js";
import { announce } from "./change-feed.js";
import type { Schema } from "./schema.js";
import { fromJson } from "./values.js";

type Key = Pick<Connection, "sub" | "connection">;

/** The tokens lie sealed over the row's id, so that a row copied to another person's name opens to nothing. */
export function createConnectionStore({ db, write, writeOne }: Backend, sealer: Sealer): ConnectionStore {
  const { rowOf, connectionOf } = createRows(sealer);
  return {
    async find(sub, connection) {
      const id = idOf({ sub, connection });
      const row = await db.selectFrom("connections").selectAll().where("id", "=", id).executeTakeFirst();
      return row && connectionOf(row);
    },
    async list(sub) {
      const rows = db.selectFrom("connections").selectAll().where("sub", "=", sub).orderBy("connection");
      return (await rows.execute()).map(connectionOf);
    },
    async save(connection) {
      const { id, ...row } = rowOf(connection);
      await writeOne((one) =>
        one
          .insertInto("connections")
          .values({ id, ...row })
          .onConflict((conflict) => conflict.column("id").doUpdateSet(row))
          .execute(),
      );
    },
    async claim({ version, ...key }, now, until) {
      const claimed = await writeOne((one) =>
        one
          .updateTable("connections")
          .set({ claimed_until: until })
          .where("id", "=", idOf(key))
          .where("version", "=", version)
          .where((row) => row.or([row("claimed_until", "is", null), row("claimed_until", "<=", now)]))
          .returning("id")
          .executeTakeFirst(),
      );
      return claimed !== undefined;
    },
    async release({ version, ...key }) {
      await writeOne((one) =>
        one
          .updateTable("connections")
          .set({ claimed_until: null })
          .where("id", "=", idOf(key))
          .where("version", "=", version)
          .execute(),
      );
    },
    async replace(version, next) {
      const { id, ...row } = rowOf(next);
      const replaced = await writeOne((one) =>
        one
          .updateTable("connections")
          .set(row)
          .where("id", "=", id)
          .where("version", "=", version)
          .returning("id")
          .executeTakeFirst(),
      );
      return replaced !== undefined;
    },
    async remove(sub, connection, createdBefore) {
      const removed = await writeOne((one) => {
        const row = one.deleteFrom("connections").where("id", "=", idOf({ sub, connection })).returningAll();
        return (createdBefore === undefined ? row : row.where("created", "<", createdBefore)).executeTakeFirst();
      });
      return removed && connectionOf(removed);
    },
    ...createEnds({ db, write }),
  };
}

function createEnds({ db, write }: Pick<Backend, "db" | "write">): Pick<ConnectionStore, "end" | "over"> {
  return {
    async end(connection, { sub, createdBefore }, now) {
      return write(async (tx) => {
        let update = tx
          .updateTable("connections")
          // Another version: tokens that a refresh under way brings are nobody's then.
          .set({ ends: now, version: sql`version || '.'` })
          .where("connection", "=", connection)
          .where((row) => row.or([row("ends", "is", null), row("ends", ">", now)]));
        if (sub !== undefined) update = update.where("sub", "=", sub);
        if (createdBefore !== undefined) update = update.where("created", "<", createdBefore);
        const ended = await update.returning("sub").execute();
        await announce(
          tx,
          ended.map((row) => ({ kind: "user", key: row.sub })),
          now,
        );
        return ended.length;
      });
    },
    async over(connection, now) {
      const disabled = db.selectFrom("users").select("users.sub").where("disabled", "=", 1);
      const rows = db
        .selectFrom("connections")
        .select("sub")
        .where("connection", "=", connection)
        .where((row) => row.or([row("ends", "<=", now), row("sub", "in", disabled)]))
        .limit(100);
      return (await rows.execute()).map(({ sub }) => sub);
    },
  };
}

function createRows(sealer: Sealer) {
  const rowOf = ({
    sub,
    connection,
    version,
    tokens,
    scopes,
    created,
    updated,
    ends,
  }: Connection): Schema["connections"] => {
    const id = idOf({ sub, connection });
    return {
      id,
      sub,
      connection,
      version,
      tokens: tokens === undefined ? null : sealer.seal(Buffer.from(JSON.stringify(tokens)), placeOf(id)),
      scopes: JSON.stringify(scopes),
      created,
      updated,
      ends: ends ?? null,
      claimed_until: null,
    };
  };
  const connectionOf = (row: Schema["connections"]): Connection => {
    const { sub, connection, version, created, updated } = row;
    return {
      sub,
      connection,
      version,
      // Sealed under a key that is gone: as if the other system had ended it. The person connects anew.
      tokens: row.tokens === null ? undefined : tokensOf(sealer.open(row.tokens, placeOf(idOf({ sub, connection })))),
      scopes: fromJson(row.scopes),
      created,
      updated,
      ...(row.ends !== null && { ends: row.ends }),
    };
  };
  return { rowOf, connectionOf };
}

/** Unambiguous, and what the seal is bound to. */
function idOf({ sub, connection }: Key): string {
  return JSON.stringify([sub, connection]);
}

function placeOf(id: string): string {
  return `connections/${id}`;
}

function tokensOf(opened: Uint8Array | undefined): ConnectionTokens | undefined {
  if (opened === undefined) return undefined;
  const { access_token, refresh_token, expires, id_token } = fromJson<ConnectionTokens>(
    Buffer.from(opened).toString("utf8"),
  );
  return { access_token, refresh_token, expires, ...(id_token && { id_token }) };
}
