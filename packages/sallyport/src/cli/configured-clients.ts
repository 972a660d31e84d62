import { createHash } from "node:crypto";
import type { ClientRecord, ClientStore } from "@sallyport/auth/authorization-server";
import type { ClientConfig } from "../config/schema.js";
import { readSecret } from "./secrets.js";

/** The clients of the configuration before those of the store: a pre-registered client_id cannot be taken by a registration. */
export function withConfiguredClients(
  store: ClientStore,
  clients: Readonly<Record<string, ClientConfig>>,
  baseFolder: string,
): ClientStore {
  const configured = new Map(Object.entries(clients).map(([id, client]) => [id, recordOf(id, client, baseFolder)]));
  return {
    ...store,
    find: async (client_id, now) => configured.get(client_id) ?? store.find(client_id, now),
    add: async (record) => {
      if (configured.has(record.metadata.client_id)) throw new Error("the client_id belongs to the configuration");
      await store.add(record);
    },
  };
}

function recordOf(client_id: string, client: ClientConfig, baseFolder: string): ClientRecord {
  const secret =
    client.secret === undefined ? undefined : readSecret(client.secret, baseFolder, `clients.${client_id}.secret`);
  const native = client.redirectUris.every((uri) => !uri.startsWith("https:"));
  return {
    metadata: {
      client_id,
      client_name: client.name,
      redirect_uris: client.redirectUris,
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: secret === undefined ? "none" : "client_secret_basic",
      application_type: native ? "native" : "web",
    },
    origin: "configured",
    secret_hash: secret === undefined ? undefined : createHash("sha256").update(secret).digest("base64url"),
    created: 0,
    expires: undefined,
  };
}
