import type { Principal, System } from "@sallyport/auth";
import type { ConnectedSystem, ConnectedSystems } from "../account/index.js";
import type { ConnectionConfig } from "../config/connection-settings.js";
import type { Config } from "../config/schema.js";
import type { PageRow } from "../sign-in/kit.js";
import type { Store } from "../stores/store.js";
import {
  CLIENT_DOCUMENT,
  CONNECT_PATH,
  CONNECTION_CALLBACK,
  clientDocumentRow,
  connectionPages,
  createProvider,
  type Provider,
  Vault,
} from "../vault/index.js";
import type { Installation, InstalledServer } from "./installation.js";
import { readSecret } from "./secrets.js";

/** What people connect under their own names: the credentials of it, and the pages. */
export interface ComposedVault {
  readonly vault: Vault;
  readonly pages: readonly PageRow[];
  readonly account: ConnectedSystems;
}

interface Parts {
  readonly installation: Installation;
  readonly issuer: string;
  readonly store: Store;
  readonly system: System;
}

/** `undefined` where no connection is configured. @throws CliError for a secret that cannot be read. */
export function composeVault(parts: Parts): ComposedVault | undefined {
  const { installation, issuer, store, system } = parts;
  const configured = Object.entries(installation.config.connections);
  if (configured.length === 0) return undefined;
  const providers = new Map(configured.map(([name, config]) => [name, providerOf(name, config, parts)] as const));
  const vault = new Vault({
    store: store.connections,
    providers,
    connectUrl: (connection) => `${issuer}${CONNECT_PATH}/${connection}`,
    personOf: personOf(issuer, store),
    system,
  });
  const usedBy = (connection: string) => serversUsing(installation, connection);
  return {
    vault,
    pages: [...connectionPages({ vault, store: store.connections, providers, usedBy }), clientDocumentRow(issuer)],
    account: {
      list: async (sub) => {
        const rows = await store.connections.list(sub);
        return [...providers.values()].map((provider): ConnectedSystem => {
          const row = rows.find(({ connection }) => connection === provider.name);
          return {
            connection: provider.name,
            title: provider.title,
            connectPath: `${CONNECT_PATH}/${provider.name}`,
            scopes: row?.scopes ?? [],
            usedBy: usedBy(provider.name),
            state: row === undefined ? "open" : row.tokens === undefined ? "ended" : "connected",
            since: row?.created,
          };
        });
      },
      disconnect: (sub, connection) => vault.disconnect(sub, connection),
    },
  };
}

/** Accounts are ours: a caller with a token of another server is whoever has signed in here through that server. */
function personOf(issuer: string, { identities }: Store) {
  return ({ iss, sub, kind }: Principal): string | undefined | Promise<string | undefined> => {
    // A client that acts for itself has no account of its own anywhere.
    if (kind !== "user") return undefined;
    return iss === issuer ? sub : identities.find(iss, sub);
  };
}

function serversUsing({ servers, config: { egress } }: Installation, connection: string): readonly string[] {
  return servers.filter(({ config }) => connectionsOf(config, egress).includes(connection)).map(({ title }) => title);
}

/** Every connection that a server's calls may need. */
function connectionsOf(
  { credential, credentials = [], env }: InstalledServer["config"],
  egress: Config["egress"],
): readonly string[] {
  const kinds = [...(credential === undefined ? [] : [credential]), ...credentials];
  const values = Object.values(env).map((source) =>
    typeof source === "object" && "proxy" in source ? egress[source.proxy]?.value : source,
  );
  return [
    ...kinds.flatMap(({ connect }) => connect ?? []),
    ...values.flatMap((value) => (typeof value === "object" && "connect" in value ? value.connect : [])),
  ];
}

function providerOf(name: string, config: ConnectionConfig, { installation, issuer, system }: Parts): Provider {
  const { clientId = issuer + CLIENT_DOCUMENT, clientSecret, authorizationEndpoint, tokenEndpoint, ...rest } = config;
  const { title, scopes, moreScopes, parameters, scheme, resource, revocationEndpoint } = rest;
  const endpoints =
    authorizationEndpoint === undefined || tokenEndpoint === undefined
      ? undefined
      : {
          authorization: authorizationEndpoint,
          token: tokenEndpoint,
          ...(revocationEndpoint !== undefined && { revocation: revocationEndpoint }),
        };
  return createProvider({
    name,
    title,
    scopes,
    moreScopes,
    parameters,
    scheme,
    clientId,
    callbackUrl: issuer + CONNECTION_CALLBACK,
    system,
    ...(rest.issuer !== undefined && { issuer: rest.issuer }),
    ...(endpoints !== undefined && { endpoints }),
    ...(resource !== undefined && { resource }),
    ...(clientSecret !== undefined && {
      clientSecret: readSecret(clientSecret, installation.baseFolder, `connections.${name}.clientSecret`),
    }),
  });
}
