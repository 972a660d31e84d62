import type { Principal } from "@sallyport/auth";
import type { AccessConfig } from "../config/schema.js";
import type { PrincipalRecord, RecordSource } from "../gateway/records.js";
import { entitledScopes } from "../policy/entitlement.js";
import type { Store } from "../stores/store.js";
import type { InstalledServer } from "./installation.js";

export interface EntitledServer {
  readonly installed: InstalledServer;
  readonly resource: string;
  readonly scopes: readonly string[];
  readonly access: readonly AccessConfig[] | undefined;
}

/** The entitlement of a person at a server, from the user record, the configuration and `sallyport user allow`. */
export async function readEntitlement(store: Store, sub: string, server: EntitledServer) {
  const [user, entitlements] = await Promise.all([store.users.find(sub), store.entitlements.list(sub)]);
  const { name } = server.installed;
  const allowed = entitlements.filter((entry) => entry.server === name).flatMap((entry) => entry.scopes);
  return { user, entitled: entitledScopes({ user, scopes: server.scopes, access: server.access, allowed }) };
}

/** The gateway's port to what the store knows of a caller: user, grant and session must all stand. */
export function createRecordSource(store: Store, servers: () => readonly EntitledServer[]): RecordSource {
  return {
    async load(principal, resource) {
      const server = servers().find((candidate) => candidate.resource === resource);
      if (server === undefined || !(await isSessionLive(store, principal, resource))) return undefined;
      const { user, entitled } = await readEntitlement(store, principal.sub, server);
      const grant = await store.grants.find(principal.sub, principal.client_id, resource);
      if (user === undefined || user.disabled || grant === undefined) return undefined;
      return { roles: user.roles, entitled, granted: grant.scopes } satisfies PrincipalRecord;
    },
  };
}

/** Our own tokens all belong to a session; one without is nobody's. */
async function isSessionLive(store: Store, principal: Principal, resource: string): Promise<boolean> {
  if (principal.sid === undefined) return false;
  const session = await store.sessions.find(principal.sid);
  if (session === undefined || session.revoked !== undefined) return false;
  return session.sub === principal.sub && session.client_id === principal.client_id && session.resource === resource;
}
