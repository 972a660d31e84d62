import type { System } from "@sallyport/auth";
import type { AuthorizationServerStorage } from "@sallyport/auth/authorization-server";
import type { ClientDocumentStore, Registry } from "../admin/storage.js";
import type { InstallationStore } from "../config/installation-store.js";
import type { ExternalGrantStore } from "../federation/external-grants.js";
import type { ChangeFeed } from "../gateway/feed.js";
import type { RefusalStore } from "../gateway/refusals.js";
import type { CatalogueStore } from "../policy/catalogue-store.js";
import { createSealer, type Sealer } from "../sealing/sealer.js";
import type { SignInStorage } from "../sign-in/storage.js";
import type { Backend } from "./backend.js";
import { createBrowserSessionStore } from "./browser-sessions.js";
import { createCatalogueStore } from "./catalogue.js";
import { createCeremonyStore } from "./ceremonies.js";
import { createChangeFeed } from "./change-feed.js";
import { createClientDocumentStore } from "./client-documents.js";
import { createClientStore } from "./clients.js";
import { createCodeStore } from "./codes.js";
import { createEntitlementStore } from "./entitlements.js";
import { createExternalGrantStore } from "./external-grants.js";
import { createGrantStore } from "./grants.js";
import { createIdentityStore } from "./identities.js";
import { createInstallationStore } from "./installations.js";
import { migrate } from "./migrate.js";
import { createOneTimeCodeStore } from "./one-time-codes.js";
import { createPendingStore } from "./pending.js";
import { openPostgres } from "./postgres.js";
import { createRefusalStore } from "./refusals.js";
import { createRegistry } from "./registry.js";
import { createReplayStore } from "./replay.js";
import { rewrapAll } from "./rewrap.js";
import { checkSeal } from "./seal-probe.js";
import { createSessionStore } from "./sessions.js";
import { createSigningKeys, type RotatableSigningKeys } from "./signing-keys.js";
import { openSqlite } from "./sqlite.js";
import { sweep } from "./sweep.js";
import { createUserStore } from "./users.js";

export interface StoreOptions {
  /** `sqlite:` and a path (`sqlite:./sallyport.db`, relative to the working directory), `sqlite::memory:`, or `postgres://…`. */
  readonly url: string;
  /** Master keys of 32 bytes; the first seals, all open. With several, what lies sealed is put under the first one at opening. */
  readonly masterKey: Uint8Array | readonly Uint8Array[];
  readonly system: System;
  /** How long an answer of the database may take, other processes' writes included; default 4,500 ms. */
  readonly busyTimeoutMs?: number;
}

/** Every port of the program on one database. */
export interface Store extends AuthorizationServerStorage, SignInStorage {
  readonly externalGrants: ExternalGrantStore;
  readonly clientDocuments: ClientDocumentStore;
  readonly registry: Registry;
  readonly feed: ChangeFeed;
  readonly keys: RotatableSigningKeys;
  readonly catalogue: CatalogueStore;
  readonly refusals: RefusalStore;
  readonly installations: InstallationStore;
  /** For what else must be sealed under the same master keys. */
  readonly sealer: Sealer;
  /** Deletes what expired before `now`, at most 500 rows a table; answers how many. Call it every minute or so. */
  sweep(now: number): Promise<number>;
  close(): Promise<void>;
}

type Open = (options: StoreOptions, place: string) => Promise<Backend>;

/** Scheme of a storage URL → how to open it. */
const SCHEMES: Readonly<Record<string, Open>> = {
  sqlite: (options, file) => openSqlite({ file, ...timeout(options) }),
  postgres: ({ url, system, ...options }) => openPostgres({ url, log: system.log, ...timeout(options) }),
  postgresql: ({ url, system, ...options }) => openPostgres({ url, log: system.log, ...timeout(options) }),
};

function timeout({ busyTimeoutMs }: Pick<StoreOptions, "busyTimeoutMs">): Pick<StoreOptions, "busyTimeoutMs"> {
  return busyTimeoutMs === undefined ? {} : { busyTimeoutMs };
}

/**
 * Opens the database, brings its schema up to date and checks that it was sealed under one of these master keys.
 *
 * @throws Error for an unknown scheme, a schema newer than this program, a foreign master key, or a database that cannot be opened.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const sealer = createSealer(options.masterKey, options.system);
  const backend = await openBackend(options);
  try {
    await migrate(backend);
    await checkSeal(backend, sealer);
    if (isRotating(options.masterKey)) await rewrapAll(backend, sealer);
  } catch (error) {
    await backend.close();
    throw error;
  }
  return createStore(backend, { sealer, system: options.system });
}

function isRotating(masterKey: StoreOptions["masterKey"]): boolean {
  return !(masterKey instanceof Uint8Array) && masterKey.length > 1;
}

async function openBackend(options: StoreOptions): Promise<Backend> {
  const [, scheme = "", place = ""] = /^([a-z]+):(.+)$/.exec(options.url) ?? [];
  const open = Object.hasOwn(SCHEMES, scheme) ? SCHEMES[scheme] : undefined;
  if (open !== undefined) return open(options, place);
  // Only the scheme is repeated: the rest of a database URL may hold a password.
  const known = Object.keys(SCHEMES).map((name) => `${name}:`);
  const given = JSON.stringify(scheme === "" ? options.url.split(":")[0] : scheme);
  throw new Error(`storage: ${given} is no known scheme with a place after it; known: ${known.join(", ")}`);
}

function createStore(
  backend: Backend,
  { sealer, system }: { readonly sealer: Sealer; readonly system: Pick<System, "now"> },
): Store {
  return {
    clients: createClientStore(backend),
    pending: createPendingStore(backend),
    codes: createCodeStore(backend),
    grants: createGrantStore(backend),
    sessions: createSessionStore(backend),
    replay: createReplayStore(backend),
    users: createUserStore(backend, system),
    identities: createIdentityStore(backend, system),
    entitlements: createEntitlementStore(backend, system),
    browserSessions: createBrowserSessionStore(backend, sealer),
    oneTimeCodes: createOneTimeCodeStore(backend),
    ceremonies: createCeremonyStore(backend),
    externalGrants: createExternalGrantStore(backend, system),
    clientDocuments: createClientDocumentStore(backend),
    registry: createRegistry(backend),
    feed: createChangeFeed(backend),
    keys: createSigningKeys(backend, { sealer, system }),
    catalogue: createCatalogueStore(backend, system),
    refusals: createRefusalStore(backend),
    installations: createInstallationStore(backend, system),
    sealer,
    sweep: (now) => sweep(backend, now),
    close: () => backend.close(),
  };
}
