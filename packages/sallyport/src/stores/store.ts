import type { SigningAlgorithm } from "@sallyport/auth";
import type { AuthorizationServerStorage } from "@sallyport/auth/authorization-server";
import type { ClientDocumentStore, Registry } from "../admin/storage.js";
import type { InstallationStore } from "../config/installation-store.js";
import type { SecretStore } from "../config/secret-store.js";
import type { ExternalGrantStore } from "../federation/external-grants.js";
import type { ChangeFeed } from "../gateway/feed.js";
import type { RefusalStore } from "../gateway/refusals.js";
import type { CatalogueStore } from "../policy/catalogue-store.js";
import { createSealer, type Sealer } from "../sealing/sealer.js";
import type { SignInStorage } from "../sign-in/storage.js";
import type { ConnectionStore } from "../vault/contract.js";
import type { Backend } from "./backend.js";
import { createBrowserSessionStore } from "./browser-sessions.js";
import { createCatalogueStore } from "./catalogue.js";
import { createCeremonyStore } from "./ceremonies.js";
import { createChangeFeed } from "./change-feed.js";
import { createClientDocumentStore } from "./client-documents.js";
import { createClientStore } from "./clients.js";
import { createCodeStore } from "./codes.js";
import { createConnectionStore } from "./connections.js";
import { createDeviceStore } from "./devices.js";
import { createEntitlementStore } from "./entitlements.js";
import { createExternalGrantStore } from "./external-grants.js";
import { createGrantStore } from "./grants.js";
import { createIdentityStore } from "./identities.js";
import { createInstallationStore } from "./installations.js";
import { migrate } from "./migrate.js";
import { createOneTimeCodeStore } from "./one-time-codes.js";
import { type BackendOptions, openBackend } from "./open-backend.js";
import { createPendingStore } from "./pending.js";
import { createRefusalStore } from "./refusals.js";
import { createRegistry } from "./registry.js";
import { createReplayStore } from "./replay.js";
import { rewrapAll } from "./rewrap.js";
import { checkSeal } from "./seal-probe.js";
import { createSecretStore } from "./secrets.js";
import { createSessionStore } from "./sessions.js";
import { createSigningKeys, type SigningKeyParts, type SigningKeyStore } from "./signing-keys.js";
import { sweep } from "./sweep.js";
import { createUserStore } from "./users.js";

export interface StoreOptions extends BackendOptions {
  /** Master keys of 32 bytes; the first seals, all open. With several, what lies sealed is put under the first one at opening. */
  readonly masterKey: Uint8Array | readonly Uint8Array[];
  /** What this process signs access tokens with; default ES256. */
  readonly signingAlgorithm?: SigningAlgorithm;
}

/** Every port of the program on one database. */
export interface Store extends AuthorizationServerStorage, SignInStorage {
  readonly externalGrants: ExternalGrantStore;
  readonly clientDocuments: ClientDocumentStore;
  readonly registry: Registry;
  readonly feed: ChangeFeed;
  readonly keys: SigningKeyStore;
  readonly catalogue: CatalogueStore;
  readonly refusals: RefusalStore;
  readonly installations: InstallationStore;
  /** What people have connected under their own names. */
  readonly connections: ConnectionStore;
  /** What the operator has stored under names. */
  readonly secrets: SecretStore;
  /** For what else must be sealed under the same master keys. */
  readonly sealer: Sealer;
  /** Deletes what expired before `now`, at most 500 rows a table; answers how many. Call it every minute or so. */
  sweep(now: number): Promise<number>;
  close(): Promise<void>;
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
  return createStore(backend, { sealer, system: options.system, algorithm: options.signingAlgorithm ?? "ES256" });
}

function isRotating(masterKey: StoreOptions["masterKey"]): boolean {
  return !(masterKey instanceof Uint8Array) && masterKey.length > 1;
}

function createStore(backend: Backend, { sealer, system, algorithm }: SigningKeyParts): Store {
  return {
    clients: createClientStore(backend),
    pending: createPendingStore(backend),
    codes: createCodeStore(backend),
    devices: createDeviceStore(backend),
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
    keys: createSigningKeys(backend, { sealer, system, algorithm }),
    catalogue: createCatalogueStore(backend, system),
    refusals: createRefusalStore(backend),
    installations: createInstallationStore(backend, system),
    connections: createConnectionStore(backend, sealer),
    secrets: createSecretStore(backend, { sealer, system }),
    sealer,
    sweep: (now) => sweep(backend, now),
    close: () => backend.close(),
  };
}
