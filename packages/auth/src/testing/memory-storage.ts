import {
  type AuthorizationServerStorage,
  type ClientRecord,
  type ClientStore,
  type CodeRecord,
  type CodeStore,
  type GrantStore,
  mergeDetails,
  type PendingAuthorization,
  type PendingStore,
  type ReplayStore,
} from "../authorization-server/storage.js";
import { createMemoryDevices } from "./memory-devices.js";
import { MemoryGrants } from "./memory-grants.js";
import { type AddSession, createMemorySessions } from "./memory-sessions.js";

/**
 * A store that forgets everything with the process: for tests and for trying things out. It keeps the whole contract of
 * {@link AuthorizationServerStorage} within one process: nothing is awaited inside a step, so every step is atomic. What has expired
 * is removed late, and codes and sessions never are.
 */
export function createMemoryStorage(): AuthorizationServerStorage {
  const grants = new MemoryGrants();
  const { sessions, addSession } = createMemorySessions(grants);
  return {
    clients: createClients(grants),
    pending: createPending(),
    codes: createCodes(addSession),
    devices: createMemoryDevices(),
    grants: createGrants(grants),
    sessions,
    replay: createReplay(),
  };
}

function createClients(grants: MemoryGrants): ClientStore {
  const records = new Map<string, ClientRecord>();
  const hasGrant = (client_id: string) => grants.all().some((grant) => grant.client_id === client_id);
  return {
    async find(client_id, now) {
      const record = records.get(client_id);
      if (record?.expires === undefined || record.expires > now || hasGrant(client_id)) return record;
      return undefined;
    },
    async add(record) {
      const { client_id } = record.metadata;
      if (records.has(client_id)) throw new Error(`client ${JSON.stringify(client_id)} exists`);
      records.set(client_id, record);
    },
  };
}

function createPending(): PendingStore {
  const records = new Map<string, PendingAuthorization>();
  const live = (id: string, now: number) => {
    const record = records.get(id);
    return record !== undefined && now < record.expires ? record : undefined;
  };
  return {
    async save(pending) {
      removeExpired(records, ({ expires }) => expires, pending.created);
      records.set(pending.id, pending);
    },
    async find(id, now) {
      return live(id, now);
    },
    async consume(id, now) {
      const record = live(id, now);
      records.delete(id);
      return record;
    },
  };
}

function createCodes(addSession: AddSession): CodeStore {
  const records = new Map<string, CodeRecord>();
  const redeemed = new Set<string>();
  return {
    async save(code_hash, record) {
      if (records.has(code_hash)) throw new Error("this code exists");
      records.set(code_hash, record);
    },
    async find(code_hash) {
      return records.get(code_hash);
    },
    async redeem(code_hash, { session, refresh_hash, now }) {
      const record = records.get(code_hash);
      if (record === undefined || record.expires <= now || redeemed.has(code_hash)) return "used";
      addSession(session, refresh_hash);
      redeemed.add(code_hash);
      return "redeemed";
    },
  };
}

function createGrants(grants: MemoryGrants): GrantStore {
  return {
    async widen(grant) {
      const before = grants.find(grant);
      const scopes = [...new Set([...(before?.scopes ?? []), ...grant.scopes])];
      const { details: _, ...kept } = before ?? grant;
      const details = mergeDetails(before?.details, grant.details, grant.updated);
      const after = { ...kept, scopes, ...(details && { details }), updated: grant.updated };
      grants.set(after);
      return after;
    },
    async find(sub, client_id, resource) {
      return grants.find({ sub, client_id, resource });
    },
    async list(sub) {
      return grants.all().filter((grant) => grant.sub === sub);
    },
  };
}

function createReplay(): ReplayStore {
  const remembered = new Map<string, number>();
  return {
    async record(kind, key, expires, now) {
      const entry = JSON.stringify([kind, key]);
      if ((remembered.get(entry) ?? 0) > now) return false;
      removeExpired(remembered, (until) => until, now);
      remembered.set(entry, expires);
      return true;
    },
  };
}

/** From the oldest on, as far as they have expired: what lives longer than its neighbours keeps them a little, and no call looks at all. */
function removeExpired<T>(records: Map<string, T>, expiresOf: (record: T) => number, now: number): void {
  for (const [key, record] of records) {
    if (expiresOf(record) > now) return;
    records.delete(key);
  }
}
