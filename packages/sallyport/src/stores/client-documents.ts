import type { ClientDocument, ClientDocumentStore } from "../admin/storage.js";
import type { Backend } from "./backend.js";
import type { Schema } from "./schema.js";
import { orNull, orUndefined } from "./values.js";

/** Whoever has a domain has any number of documents; what they make us write down has a bound, and pushes out nothing that people use. */
const MAX_DOCUMENTS = 1_000;

export function createClientDocumentStore({ db, write }: Backend): ClientDocumentStore {
  return {
    record: ({ client_id, host, client_name, unlisted }, now) =>
      write(async (tx) => {
        const said = { name: orNull(client_name), unlisted: unlisted ? (1 as const) : (0 as const), last_seen: now };
        await tx
          .insertInto("client_documents")
          .values({ client_id, host, ...said, first_seen: now })
          .onConflict((conflict) => conflict.column("client_id").doUpdateSet(said))
          .execute();
        const beyond = await tx
          .selectFrom("client_documents")
          .select("client_id")
          .where("client_id", "<>", client_id)
          .where(({ not, exists, selectFrom }) =>
            not(
              exists(selectFrom("grants").select("id").whereRef("grants.client_id", "=", "client_documents.client_id")),
            ),
          )
          .orderBy("last_seen", "desc")
          .offset(MAX_DOCUMENTS - 1)
          .limit(MAX_DOCUMENTS)
          .execute();
        const gone = beyond.map((row) => row.client_id);
        if (gone.length > 0) await tx.deleteFrom("client_documents").where("client_id", "in", gone).execute();
      }),
    async list({ limit, after = "" }) {
      const rows = await db
        .selectFrom("client_documents")
        .selectAll()
        .where("client_id", ">", after)
        .orderBy("client_id")
        .limit(limit)
        .execute();
      return rows.map(documentOf);
    },
    async find(client_id) {
      const row = await db
        .selectFrom("client_documents")
        .selectAll()
        .where("client_id", "=", client_id)
        .executeTakeFirst();
      return row && documentOf(row);
    },
  };
}

function documentOf({ name, unlisted, ...row }: Schema["client_documents"]): ClientDocument {
  return { ...row, client_name: orUndefined(name), unlisted: unlisted === 1 };
}
