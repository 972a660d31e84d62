import type { Principal, System } from "@sallyport/auth";
import type { ConnectedSystem, ConnectedSystems } from "../account/index.js";
import type { ConnectionConfig } from "../config/connection-settings.js";
import type { CredentialConfig, SubjectConfig } from "../config/credential-settings.js";
import type { Config } from "../config/schema.js";
import type { RelyingParty } from "../federation/index.js";
import type { KeptSignIns } from "../sign-in/index.js";
import type { PageRow } from "../sign-in/kit.js";
import type { Store } from "../stores/store.js";
import {
  CLIENT_DOCUMENT,
  CONNECT_PATH,
  CONNECTION_CALLBACK,
  clientDocumentRow,
  connectionPages,
  createProvider,
  createSignInTokens,
  type Provider,
  SIGN_IN,
  type TokenGiver,
  Vault,
} from "../vault/index.js";
import type { Installation, InstalledServer } from "./installation.js";
import type { SealedSecrets } from "./sealed-secrets.js";
import { secretReader } from "./secrets.js";

/** What people connect under their own names, and what is kept of their sign-ins: the credentials of it, and the pages. */
export interface ComposedVault {
  readonly vault: Vault;
  readonly pages: readonly PageRow[];
  readonly account: ConnectedSystems;
  /** Where the provider's tokens are kept. */
  readonly signIns: KeptSignIns | undefined;
  /** The page on which people sign in there. */
  readonly signInUrl: string;
  /** Ends, here and there, what is kept of sign-ins that are over, and of people who are disabled. Never rejects. */
  endOver(): Promise<void>;
}

interface Parts {
  readonly installation: Installation;
  readonly issuer: string;
  readonly store: Store;
  readonly system: System;
  readonly secrets: SealedSecrets;
  /** Where people sign in instead of here. */
  readonly idp: RelyingParty | undefined;
}

/** `undefined` where no connection is configured, and nothing is kept of sign-ins. @throws CliError for a secret that cannot be read. */
export function composeVault(parts: Parts): ComposedVault | undefined {
  const { installation, issuer, store, system, idp } = parts;
  const { connections, signIn } = installation.config;
  const configured = Object.entries(connections);
  const kept = signIn.oidc.keepTokens ? idp : undefined;
  if (configured.length === 0 && kept === undefined) return undefined;
  const providers = new Map(configured.map(([name, config]) => [name, providerOf(name, config, parts)] as const));
  const signInPath = `/sign-in?${new URLSearchParams({ return_to: `${prefixOf(issuer)}/account`, needed: "" })}`;
  const signInUrl = issuer + signInPath;
  const vault = new Vault({
    store: store.connections,
    providers: new Map<string, TokenGiver>([
      ...providers,
      ...(kept ? [[SIGN_IN, createSignInTokens(kept)] as const] : []),
    ]),
    connectUrl: (connection) => (connection === SIGN_IN ? signInUrl : `${issuer}${CONNECT_PATH}/${connection}`),
    personOf: personOf(issuer, store),
    system,
  });
  const usedBy = (connection: string) => serversUsing(installation, connection);
  const systems: readonly (Pick<ConnectedSystem, "title" | "connectPath" | "kind"> & { readonly name: string })[] = [
    ...(kept === undefined
      ? []
      : [{ name: SIGN_IN, title: kept.label, connectPath: signInPath, kind: "sign-in" as const }]),
    ...[...providers.values()].map(({ name, title }) => ({
      ...{ name, title, connectPath: `${CONNECT_PATH}/${name}` },
      kind: "account" as const,
    })),
  ];
  return {
    vault,
    pages:
      configured.length === 0
        ? []
        : [...connectionPages({ vault, store: store.connections, providers, usedBy }), clientDocumentRow(issuer)],
    account: {
      list: async (sub) => {
        const rows = await store.connections.list(sub);
        return systems.map(({ name, ...shown }): ConnectedSystem => {
          const row = rows.find(({ connection }) => connection === name);
          return {
            ...shown,
            connection: name,
            scopes: row?.scopes ?? [],
            usedBy: usedBy(name),
            state: row === undefined ? "open" : row.tokens === undefined ? "ended" : "connected",
            since: row?.created,
          };
        });
      },
      disconnect: (sub, connection) => vault.disconnect(sub, connection),
    },
    signInUrl,
    signIns: kept && keptSignIns(vault, { installation, system }),
    endOver: async () => {
      if (kept === undefined) return;
      await vault.endOver(SIGN_IN).catch((error: unknown) => {
        system.log("warn", "what is kept of sign-ins was not looked through", { error: String(error) });
      });
    },
  };
}

/** Who somebody is at the provider counts for so long after signing in; so does what it gave for them. */
function keptSignIns(vault: Vault, { installation, system }: Pick<Parts, "installation" | "system">): KeptSignIns {
  const { servers, config } = installation;
  const wanted = servers.flatMap(({ config: server }) => credentialsOf(server)).map(subjectOf);
  const keepsIdTokens = wanted.includes("idp-id-token");
  return {
    keep: (sub, { scopes, id_token, ...rest }) => {
      const tokens = keepsIdTokens && id_token !== undefined ? { ...rest, id_token } : rest;
      return vault.connect(sub, SIGN_IN, { tokens, scopes, ends: system.now() + config.signIn.oidc.rolesMaxAge });
    },
    end: (sub, before) => vault.disconnect(sub, SIGN_IN, before),
  };
}

function prefixOf(issuer: string): string {
  return new URL(issuer).pathname.replace(/\/$/, "");
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
function connectionsOf({ env, ...server }: InstalledServer["config"], egress: Config["egress"]): readonly string[] {
  const kinds = credentialsOf(server);
  const values = Object.values(env).map((source) =>
    typeof source === "object" && "proxy" in source ? egress[source.proxy]?.value : source,
  );
  return [
    ...kinds.flatMap(({ connect }) => connect ?? []),
    ...(kinds.some((kind) => subjectOf(kind) !== "caller") ? [SIGN_IN] : []),
    ...values.flatMap((value) => (typeof value === "object" && "connect" in value ? value.connect : [])),
  ];
}

function credentialsOf({
  credential,
  credentials = [],
}: Pick<InstalledServer["config"], "credential" | "credentials">): readonly CredentialConfig[] {
  return [...(credential === undefined ? [] : [credential]), ...credentials];
}

function subjectOf({ exchange, idJag }: CredentialConfig): SubjectConfig {
  return (exchange ?? idJag)?.subject ?? "caller";
}

function providerOf(
  name: string,
  config: ConnectionConfig,
  { installation, issuer, system, secrets }: Parts,
): Provider {
  const { baseFolder } = installation;
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
      clientSecret: secretReader(clientSecret, { secrets, baseFolder, setting: `connections.${name}.clientSecret` }),
    }),
  });
}
