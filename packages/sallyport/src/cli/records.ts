import type { Principal, System } from "@sallyport/auth";
import { DEFAULT_ROLES_MAX_AGE } from "../config/federation-settings.js";
import type { AccessConfig } from "../config/schema.js";
import { rolesOf } from "../federation/index.js";
import type { PrincipalRecord, RecordSource } from "../gateway/records.js";
import { entitledScopes } from "../policy/entitlement.js";
import { effectiveRoles } from "../policy/roles.js";
import type { Store } from "../stores/store.js";
import type { InstalledServer } from "./installation.js";
import { listsOf } from "./sign-in-elsewhere.js";

export interface EntitledServer {
  readonly installed: InstalledServer;
  readonly resource: string;
  readonly scopes: readonly string[];
  readonly access: readonly AccessConfig[] | undefined;
}

/** What records are read with. */
export interface RecordReader {
  readonly store: Store;
  /** Ours; tokens of every other issuer have records of their own kind. */
  readonly issuer: string;
  readonly system: Pick<System, "now">;
  /** Seconds for which roles from an identity provider count; `signIn.oidc.rolesMaxAge`. */
  readonly rolesMaxAge: number;
}

/** The entitlement of a person at a server, from the user record, the configuration and `sallyport user allow`. */
export async function readEntitlement(
  { store, system, rolesMaxAge }: RecordReader,
  sub: string,
  server: EntitledServer,
) {
  const [user, entitlements, identities] = await Promise.all([
    store.users.find(sub),
    store.entitlements.list(sub),
    store.identities.list(sub),
  ]);
  const { name } = server.installed;
  const allowed = entitlements.filter((entry) => entry.server === name).flatMap((entry) => entry.scopes);
  const { roles, until } = effectiveRoles(user?.roles ?? [], identities, { now: system.now(), maxAge: rolesMaxAge });
  const known = user && {
    ...user,
    roles,
    identities: identities.map(({ issuer, subject }) => `${issuer}|${subject}`),
  };
  const entitled = entitledScopes({ user: known, scopes: server.scopes, access: server.access, allowed });
  return { user: known, entitled, until };
}

/** The gateway's port to what the store knows of a caller: user, grant and session must all stand. */
export function createRecordSource(reader: RecordReader, servers: () => readonly EntitledServer[]): RecordSource {
  const { store } = reader;
  return {
    async load(principal, resource) {
      const server = servers().find((candidate) => candidate.resource === resource);
      if (server === undefined) return undefined;
      if (principal.iss !== reader.issuer) return loadExternalRecord(reader, principal, server);
      if (!(await isSessionLive(store, principal, resource))) return undefined;
      const { user, entitled, until } = await readEntitlement(reader, principal.sub, server);
      const grant = await store.grants.find(principal.sub, principal.client_id, resource);
      if (user === undefined || user.disabled || grant === undefined) return undefined;
      return { roles: user.roles, entitled, granted: grant.scopes, until } satisfies PrincipalRecord;
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

/** What is known here of a caller whose token another server issued: keyed (issuer, sub, client_id), entitled by `access` alone. */
async function loadExternalRecord(
  { store, system }: RecordReader,
  principal: Principal,
  server: EntitledServer,
): Promise<PrincipalRecord | undefined> {
  const { iss, sub, client_id, iat, asserted = [] } = principal;
  const entry = server.installed.config.authorizationServers?.find(({ issuer }) => issuer === iss);
  if (entry === undefined) return undefined;
  const said = rolesOf(asserted, listsOf(entry.roles ?? {}));
  const grant = await store.externalGrants.observe({ issuer: iss, sub, client_id, roles: said, issued: iat });
  const age = { now: system.now(), maxAge: entry.rolesMaxAge ?? DEFAULT_ROLES_MAX_AGE };
  const { roles, until } = effectiveRoles([], [grant], age);
  // No name of ours can look like this one.
  const user = { name: `${iss}|${sub}`, roles, owner: false, disabled: false };
  const entitled = entitledScopes({ user, scopes: server.scopes, access: server.access, allowed: [] });
  return { roles, entitled, granted: undefined, until, revokedAt: grant.revoked_at };
}
