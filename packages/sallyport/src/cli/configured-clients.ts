import { createHash } from "node:crypto";
import type { ClientRecord, ClientStore } from "@sallyport/auth/authorization-server";
import type { ClientConfig } from "../config/machine-settings.js";
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
  const { secret: source, jwks } = client;
  const secret = source === undefined ? undefined : readSecret(source, baseFolder, `clients.${client_id}.secret`);
  const native = client.redirectUris.every((uri) => !uri.startsWith("https:"));
  return {
    metadata: {
      client_id,
      client_name: client.name,
      redirect_uris: client.redirectUris,
      grant_types: grantTypesOf(client),
      response_types: ["code"],
      token_endpoint_auth_method: authMethodOf(client),
      application_type: native ? "native" : "web",
      ...(jwks !== undefined && { jwks: jwks as NonNullable<ClientRecord["metadata"]["jwks"]> }),
      ...(client.jwksUri !== undefined && { jwks_uri: client.jwksUri }),
      ...(client.dpop === true && { dpop_bound_access_tokens: true }),
    },
    origin: "configured",
    secret_hash: secret === undefined ? undefined : createHash("sha256").update(secret).digest("base64url"),
    created: 0,
    expires: undefined,
  };
}

function authMethodOf({ secret, jwks, jwksUri }: ClientConfig): ClientRecord["metadata"]["token_endpoint_auth_method"] {
  if ((jwks ?? jwksUri) !== undefined) return "private_key_jwt";
  return secret === undefined ? "none" : "client_secret_basic";
}

/** What a client has no use for, or cannot prove itself for, it may not use either. */
function grantTypesOf(client: ClientConfig): readonly string[] {
  const forPeople = [
    ...(client.redirectUris.length > 0 ? ["authorization_code"] : []),
    ...(client.device === true ? ["urn:ietf:params:oauth:grant-type:device_code"] : []),
    ...(client.redirectUris.length > 0 || client.device === true ? ["refresh_token"] : []),
  ];
  if (authMethodOf(client) === "none") return forPeople;
  const exchange = client.exchange === undefined ? [] : ["urn:ietf:params:oauth:grant-type:token-exchange"];
  return [...forPeople, "client_credentials", "urn:ietf:params:oauth:grant-type:jwt-bearer", ...exchange];
}
