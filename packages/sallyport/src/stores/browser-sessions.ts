import type { Sealer } from "../sealing/sealer.js";
import type { BrowserSession, BrowserSessionStore } from "../sign-in/storage.js";
import type { Backend } from "./backend.js";
import { fromJson } from "./values.js";

/** The CSRF secret and the id of a pending authorization are secrets of the browser: they lie sealed. */
export function createBrowserSessionStore({ db, writeOne }: Backend, sealer: Sealer): BrowserSessionStore {
  return {
    async save(token_hash, { csrf_secret, pending_id, ...session }) {
      const secrets = sealer.seal(Buffer.from(JSON.stringify({ csrf_secret, pending_id })), place(token_hash));
      await writeOne((one) =>
        one
          .insertInto("browser_sessions")
          .values({ ...session, token_hash, secrets })
          .execute(),
      );
    },
    async find(token_hash, now) {
      const row = await db
        .selectFrom("browser_sessions")
        .selectAll()
        .where("token_hash", "=", token_hash)
        .where("expires", ">", now)
        .executeTakeFirst();
      const secrets = row && sealer.open(row.secrets, place(token_hash));
      // Sealed under a key that is gone, or moved here from another row: nobody is signed in.
      if (row === undefined || secrets === undefined) return undefined;
      const { csrf_secret, pending_id } = fromJson<Secrets>(Buffer.from(secrets).toString("utf8"));
      const { sub, auth_time, purpose, expires } = row;
      return { sub, auth_time, purpose, expires, csrf_secret, pending_id };
    },
    async end(token_hash) {
      await writeOne((one) => one.deleteFrom("browser_sessions").where("token_hash", "=", token_hash).execute());
    },
    async endAll(sub, signedInBefore = Number.MAX_SAFE_INTEGER) {
      await writeOne((one) =>
        one.deleteFrom("browser_sessions").where("sub", "=", sub).where("auth_time", "<", signedInBefore).execute(),
      );
    },
  };
}

type Secrets = Pick<BrowserSession, "csrf_secret" | "pending_id">;

function place(token_hash: string): string {
  return `browser_sessions/${token_hash}`;
}
