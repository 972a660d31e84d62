import { createServer, type IncomingMessage } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { getRequestListener } from "@hono/node-server";
import type { System } from "@sallyport/auth";
import { type AdminParts, type AdminServer, createAdminApi, createClientDirectory } from "../admin/index.js";
import { addressesOf, isLoopbackAddress } from "../config/exposure.js";
import { bindAll, closeAll } from "../gateway/listener.js";
import { loadToken } from "../sealing/token-file.js";
import { createUsers } from "../sign-in/index.js";
import { addressKey } from "../sign-in/rate-limit.js";
import type { Store } from "../stores/store.js";
import { SIGN_IN } from "../vault/index.js";
import { configuredClientsOf } from "./client-commands.js";
import type { ComposedServer } from "./compose-server.js";
import { CliError } from "./exit.js";
import { explainFailure } from "./failure-text.js";
import type { Installation } from "./installation.js";
import { VERSION } from "./version.js";

interface Tls {
  readonly cert: string | Uint8Array;
  readonly key: string | Uint8Array;
}

/** The admin API on its listener. */
export interface Admin {
  /** Where it answers and where its token lies; never the token. */
  listen(): Promise<{ readonly url: string; readonly token: string }>;
  close(): Promise<void>;
}

export interface AdminComposition {
  readonly installation: Installation;
  readonly issuer: string;
  readonly store: Store;
  readonly system: System;
  readonly servers: readonly ComposedServer[];
  readonly tls?: Tls;
}

const LIMITS = { headersTimeout: 10_000, requestTimeout: 30_000, maxHeaderSize: 16_384 } as const;
const MAX_CONNECTIONS = 200;
const DRAIN_MS = 1_000;

/** `undefined`: `admin.port` is not set. @throws CliError for a token that cannot be read. */
export function composeAdmin(parts: AdminComposition): Admin | undefined {
  const { port, host } = parts.installation.config.admin;
  const { adminToken } = parts.installation;
  if (port === undefined) return undefined;
  const loopback = isLoopbackAddress(host);
  const api = createAdminApi({
    parts: adminParts(parts),
    token: readToken(parts),
    hosts: ["localhost", "127.0.0.1", "[::1]", ...(loopback ? [] : [host, new URL(parts.issuer).hostname])],
    addressKey,
  });
  const listener = getRequestListener(
    (request, { incoming }) => api(request, { remoteAddress: (incoming as IncomingMessage).socket.remoteAddress }),
    { overrideGlobalObjects: false },
  );
  const tls = loopback ? undefined : parts.tls;
  const create = () => {
    const server =
      tls === undefined ? createServer(LIMITS, listener) : createHttpsServer({ ...LIMITS, ...pem(tls) }, listener);
    server.maxConnections = MAX_CONNECTIONS;
    return server;
  };
  const servers: ReturnType<typeof create>[] = [];
  return {
    async listen() {
      const bound = await bindAll(create, { port, hosts: addressesOf(host) });
      servers.push(...bound.servers);
      const [name = host] = bound.hosts.map((address) => (address.includes(":") ? `[${address}]` : address));
      return {
        url: `${tls === undefined ? "http" : "https"}://${name}:${bound.port}`,
        token: "file" in adminToken ? adminToken.file : adminToken.env,
      };
    },
    close: () => closeAll(servers.splice(0), DRAIN_MS, () => {}),
  };
}

function adminParts({ installation, issuer, store, system, servers }: AdminComposition): AdminParts {
  return {
    version: VERSION,
    issuer,
    users: createUsers(store, system),
    userStore: store.users,
    clients: createClientDirectory({
      configured: configuredClientsOf(installation),
      clients: store.clients,
      registry: store.registry,
      documents: store.clientDocuments,
      now: system.now,
    }),
    documents: store.clientDocuments,
    registry: store.registry,
    sessions: store.sessions,
    externalGrants: store.externalGrants,
    endSignIns: (which) => store.connections.end(SIGN_IN, which, system.now()),
    servers: () => servers.map(serverOf),
    system,
  };
}

function serverOf({ installed, resource, scopes, catalogue }: ComposedServer): AdminServer {
  return {
    name: installed.name,
    resource,
    scopes,
    issuers: (installed.config.authorizationServers ?? []).map(({ issuer }) => issuer),
    tools: () => catalogue.entries(),
    accept: (tool) => catalogue.accept(tool),
  };
}

function readToken({ installation, system }: AdminComposition): string {
  try {
    return loadToken({ source: installation.adminToken, environment: process.env, system, what: "the admin token" });
  } catch (error) {
    throw new CliError(`admin.token: ${explainFailure(error)}`);
  }
}

function pem({ cert, key }: Tls) {
  const asPem = (value: string | Uint8Array) => (typeof value === "string" ? value : Buffer.from(value));
  return { cert: asPem(cert), key: asPem(key), minVersion: "TLSv1.2" as const };
}
