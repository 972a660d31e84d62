import { isClientIdUrl } from "../oauth/client-metadata-document.js";
import type { Server } from "./server.js";
import type { ClientRecord } from "./storage.js";

/**
 * The client behind a client_id: one that was registered or configured, or else the document at it. `undefined`: nobody knows it.
 * @throws OAuthError `client_document…` when there is a document that cannot be used
 */
export async function findClient(server: Server, client_id: string): Promise<ClientRecord | undefined> {
  const now = server.system.now();
  const stored = await server.options.storage.clients.find(client_id, now);
  if (stored !== undefined || server.documents === undefined || !isClientIdUrl(client_id)) return stored;
  const metadata = await server.documents.find(client_id);
  return { metadata, origin: "document", secret_hash: undefined, created: now, expires: undefined };
}
