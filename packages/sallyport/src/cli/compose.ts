import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { System } from "@sallyport/auth";
import { addressesOf } from "../config/exposure.js";
import type { Config } from "../config/schema.js";
import type { Gateway, GatewayOptions } from "../gateway/contract.js";
import { createGateway } from "../gateway/listener.js";
import { Liveness } from "../gateway/liveness.js";
import { createRefusals } from "../gateway/refusals.js";
import { createServerPolicy } from "../policy/server-policy.js";
import type { Store } from "../stores/store.js";
import { createScopeResultReader } from "./client-quirks.js";
import type { Admin, AdminComposition } from "./compose-admin.js";
import { composeExports } from "./compose-export.js";
import { composeLog } from "./compose-log.js";
import { type ComposedServer, composeServer } from "./compose-server.js";
import { type ComposedTelemetry, composeTelemetry } from "./compose-telemetry.js";
import { composeVault } from "./compose-vault.js";
import { composeWeb } from "./compose-web.js";
import { withConfiguredClients } from "./configured-clients.js";
import { CliError } from "./exit.js";
import { followCatalogues } from "./follow-catalogues.js";
import type { Installation } from "./installation.js";
import { createOwnKeySet } from "./own-key-set.js";
import { createRecordSource } from "./records.js";
import { openSealedSecrets } from "./sealed-secrets.js";
import { composeSignInElsewhere } from "./sign-in-elsewhere.js";

/** How often what is kept of sign-ins is looked through for what has ended by time. */
const END_OVER_MS = 30_000;

/** Everything of one installation, joined and not yet listening. */
export interface Program {
  readonly issuer: string;
  readonly gateway: Gateway;
  /** `undefined`: there is no admin API. */
  readonly admin?: Admin | undefined;
  readonly servers: readonly ComposedServer[];
  readonly telemetry: Pick<ComposedTelemetry, "listen" | "reloaded">;
  /** Puts the policies of a changed file in force, all at once or none. @throws what compiling them throws. */
  applyPolicies(installation: Installation): void;
  /** Ends streams, children, connections and the store's own work; the store itself stays open. */
  close(): Promise<void>;
}

/** @throws CliError for what the configuration names and the machine does not have. */
export async function compose(installation: Installation, store: Store, system: System): Promise<Program> {
  const { config } = installation;
  const issuer = config.publicUrl ?? `http://localhost:${config.listen.port}`;
  const base = { installation, issuer, store, system };
  const keys = createOwnKeySet(store.keys);
  const servers: ComposedServer[] = [];
  const catalogues = followCatalogues((name) => servers.find(({ installed }) => installed.name === name), system);
  const idp = composeSignInElsewhere(installation, issuer, system);
  const secrets = await openSealedSecrets({ ...installation, secrets: store.secrets, system });
  const vault = composeVault({ ...base, idp, secrets });
  const liveness = new Liveness({
    feed: store.feed,
    records: createRecordSource({ store, issuer, system, rolesMaxAge: config.signIn.oidc.rolesMaxAge }, () => servers),
    system,
    tokenSeconds: config.lifetimes.accessToken,
    onCatalogue: (server) => catalogues.reload(server),
    onUsers: () => void vault?.endOver(),
    onSecret: () => void secrets.reload(),
    onKeyRemoved: () => {
      keys.forget();
      for (const { gateway } of servers) gateway.resourceServer.forgetTokens();
    },
  });
  const log = await composeLog(installation, store, system);
  const exports = composeExports(installation, system);
  let gateway: Gateway | undefined;
  const running = { openExchanges: () => gateway?.openExchanges ?? 0, children: () => childrenOf(servers) };
  const telemetry = await composeTelemetry({ installation, store, system, liveness, log, running });
  const clients = withConfiguredClients(store.clients, config.clients, installation.baseFolder);
  const readsScopeResult = createScopeResultReader({ issuer, clients, system });
  const parts = { ...base, keys, liveness, log, telemetry, readsScopeResult, vault, secrets };
  for (const installed of installation.servers) servers.push(await composeServer(installed, parts));
  await liveness.start();
  // What was set between reading the secrets and the first look at the feed.
  await secrets.reload();
  // What was accepted between loading a catalogue and the first look at the feed.
  for (const { installed } of servers) catalogues.reload(installed.name);
  const stopForgetting = forgetEnded(servers, liveness);
  const endOver = setInterval(() => void vault?.endOver(), END_OVER_MS).unref();
  const refusals = createRefusals(store.refusals, { issuer, system });
  const tls = tlsOf(installation);
  const admin = await adminOf({ ...base, servers, ...tls });
  gateway = createGateway({
    publicUrl: issuer,
    servers: servers.map((server) => server.gateway),
    ...composeWeb({ ...base, servers, refusals, telemetry, clients, vault, idp }),
    listen: listenOf(config),
    system,
    trustedProxies: config.trustedProxies,
    ...tls,
    standing: liveness,
    refusals,
    ready: () => telemetry.ready(),
  });
  return {
    issuer,
    gateway,
    admin,
    servers,
    telemetry,
    applyPolicies: (changed) => {
      applyPolicies(servers, changed);
      liveness.reloadRecords();
    },
    close: async () => {
      catalogues.stop();
      await admin?.close();
      stopForgetting();
      clearInterval(endOver);
      await gateway?.close();
      await telemetry.close();
      liveness.close();
      await Promise.all(servers.map(({ upstream }) => upstream.close()));
      await log.close();
      await exports.stop();
    },
  };
}

/** Its schemas are read only where there is one: most installations start without. */
async function adminOf(parts: AdminComposition): Promise<Admin | undefined> {
  if (parts.installation.config.admin.port === undefined) return undefined;
  const { composeAdmin } = await import("./compose-admin.js");
  return composeAdmin(parts);
}

function listenOf({ listen: { port, host } }: Config): GatewayOptions["listen"] {
  return { port, hosts: addressesOf(host) };
}

function childrenOf(servers: readonly ComposedServer[]) {
  return servers.flatMap(({ installed, upstream: { children } }) =>
    children === undefined ? [] : [{ server: installed.title, children }],
  );
}

/** Tokens that were made for a session go when it goes: nobody could use them any more, and nothing needs to hold them. */
function forgetEnded(servers: readonly ComposedServer[], liveness: Liveness): () => void {
  const holding = servers.filter(({ gateway }) => gateway.credentials?.forget !== undefined);
  if (holding.length === 0) return () => {};
  return liveness.onLook(() => {
    for (const { gateway, resource } of holding) {
      gateway.credentials?.forget?.((principal) => liveness.standing(principal, resource) === "revoked");
    }
  });
}

/** Everything is compiled before anything is swapped, and the swaps are one step: no request comes between them. */
function applyPolicies(servers: readonly ComposedServer[], { config, servers: changed }: Installation): void {
  const next = servers.flatMap((server) => {
    const installed = changed.find(({ name }) => name === server.installed.name);
    // A server that is gone from the file stays as it was until the restart that ends it.
    return installed === undefined ? [] : [{ server, policy: createServerPolicy(config, installed, server.catalogue) }];
  });
  for (const { server, policy } of next) server.policy.swap(policy);
}

function tlsOf({ config, baseFolder }: Installation): {
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer };
} {
  const { cert, key } = config.listen.tls;
  if (cert === undefined || key === undefined) return {};
  const read = (file: string, setting: string) => {
    try {
      return readFileSync(resolve(baseFolder, file));
    } catch (error) {
      throw new CliError(
        `${setting}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown error"})`,
      );
    }
  };
  return { tls: { cert: read(cert, "listen.tls.cert"), key: read(key, "listen.tls.key") } };
}
