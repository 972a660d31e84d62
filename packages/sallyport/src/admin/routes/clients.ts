import { z } from "zod";
import type { AdminParts } from "../contract.js";
import { AdminRefusal, type Route, route } from "../route.js";
import { clientShape, documentShape, next, pageQuery } from "../schemas.js";
import { nextOf } from "./paging.js";

export const CLIENT_ROUTES: readonly Route[] = [
  route({
    method: "GET",
    path: "/v1/clients",
    name: "listClients",
    summary: "Every client: those of the configuration, those that registered themselves, and documents seen.",
    query: pageQuery,
    answer: z.object({ clients: z.array(clientShape), next }),
    handle: async ({ clients }, { query }) => {
      const page = await clients.list(query);
      return { clients: page.clients.map(plain), next: page.next };
    },
  }),
  route({
    method: "GET",
    path: "/v1/clients/{client_id}",
    name: "showClient",
    summary: "One client. A client_id that is a URL is percent-encoded as a whole.",
    answer: clientShape,
    refusals: ["not_found"],
    handle: async (parts, { params }) => plain(await find(parts, params.client_id)),
  }),
  route({
    method: "DELETE",
    path: "/v1/clients/{client_id}",
    name: "revokeClient",
    summary: "Ends everything granted to a client, within 2 seconds, and forgets its registration.",
    answer: z.object({
      registered: z.boolean().describe("Whether there was a registration, which is gone now."),
      sessions: z.int().describe("How many sessions ended."),
    }),
    refusals: ["not_found"],
    handle: async (parts, { params }) => {
      const { client_id } = await find(parts, params.client_id);
      return parts.registry.removeClient(client_id, parts.system.now());
    },
  }),
  route({
    method: "GET",
    path: "/v1/documents",
    name: "listDocuments",
    summary:
      "Client ID metadata documents that were fetched; `unlisted` ones are those that a list of hosts would refuse.",
    query: pageQuery,
    answer: z.object({ documents: z.array(documentShape), next }),
    handle: async ({ documents }, { query }) => {
      const rows = await documents.list(query);
      return { documents: [...rows], next: nextOf(rows, query.limit, ({ client_id }) => client_id) };
    },
  }),
];

async function find({ clients }: AdminParts, client_id = "") {
  const client = await clients.find(client_id);
  if (client === undefined) throw new AdminRefusal("not_found", `Nobody knows a client ${JSON.stringify(client_id)}.`);
  return client;
}

function plain(client: Awaited<ReturnType<typeof find>>) {
  return "redirect_uris" in client ? { ...client, redirect_uris: [...client.redirect_uris] } : client;
}
