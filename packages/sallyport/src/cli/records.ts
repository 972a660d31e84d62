import type { Principal, System } from "@sallyport/auth";
import type { Session } from "@sallyport/auth/authorization-server";
import { DEFAULT_ROLES_MAX_AGE } from "../config/federation-settings.js";
import type { AccessConfig } from "../config/schema.js";
import { rolesOf } from "../federation/index.js";
import type { PrincipalRecord, RecordSource } from "../gateway/records.js";
import { clientScopes, entitledScopes } from "../policy/entitlement.js";
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

/** Who somebody is now: roles from elsewhere count while they are young enough, and so do names from there. */
export async function readPerson({ store, system, rolesMaxAge }: RecordReader, sub: string) {
  const [user, identities] = await Promise.all([store.users.find(sub), store.identities.list(sub)]);
  const age = { now: system.now(), maxAge: rolesMaxAge };
  const { roles, fresh, until } = effectiveRoles(user?.roles ?? [], identities, age);
  const known = user && { ...user, roles, identities: fresh.map(({ issuer, subject }) => `${issuer}|${subject}`) };
  return { user: known, until };
}

/** The entitlement of a person at a server, from the user record, the configuration and `sallyport user allow`. */
export async function readEntitlement(reader: RecordReader, sub: string, server: EntitledServer) {
  const [{ user: known, until }, entitlements] = await Promise.all([
    readPerson(reader, sub),
    reader.store.entitlements.list(sub),
  ]);
  const { name } = server.installed;
  const allowed = entitlements.filter((entry) => entry.server === name).flatMap((entry) => entry.scopes);
  const entitled = entitledScopes({ user: known, scopes: server.scopes, access: server.access, allowed });
  const names = known === undefined ? [] : [known.name, ...known.identities];
  return { user: known, entitled, entitledBy: { names, allowed }, until };
}

/**
 * The gateway's port to what the store knows of a caller: user, grant and session must all stand. A session ends by its time too: then the
 * record is asked for again, so that streams end with it.
 */
export function createRecordSource(reader: RecordReader, servers: () => readonly EntitledServer[]): RecordSource {
  const { store } = reader;
  return {
    async load(principal, resource) {
      const server = servers().find((candidate) => candidate.resource === resource);
      if (server === undefined) return undefined;
      if (principal.iss !== reader.issuer) return loadExternalRecord(reader, principal, server);
      const standing = await findStanding(reader, principal, resource);
      if (standing === undefined) return undefined;
      const { consented, ends } = standing;
      const grant = await store.grants.find(consented.sub, consented.client_id, consented.resource);
      if (principal.kind === "client") {
        return (
          grant && { roles: [], entitled: clientScopes(principal.sub, server), granted: grant.scopes, until: ends }
        );
      }
      const { user, entitled, entitledBy, until } = await readEntitlement(reader, principal.sub, server);
      if (user === undefined || user.disabled || grant === undefined) return undefined;
      const { roles } = user;
      return { roles, entitled, entitledBy, granted: grant.scopes, until: Math.min(until ?? ends, ends) };
    },
  };
}

/** The session in which consent was given, and the second in which the first of the chain ends if nothing is refreshed until then. */
interface StandingSession {
  readonly consented: Session;
  readonly ends: number;
}

/**
 * The session in which consent was given: the token's own, or the first of the chain where the token was exchanged. Our own tokens all
 * belong to a session; `undefined` for one without, one of somebody else, and one with an end anywhere in its chain.
 */
async function findStanding(
  { store, system }: RecordReader,
  principal: Principal,
  resource: string,
): Promise<StandingSession | undefined> {
  if (principal.sid === undefined) return undefined;
  const own = await store.sessions.find(principal.sid);
  if (own?.sub !== principal.sub || own.client_id !== principal.client_id || own.resource !== resource)
    return undefined;
  const now = system.now();
  let ends = Number.POSITIVE_INFINITY;
  for (let session: Session | undefined = own; session !== undefined; ) {
    const end = Math.min(session.idle_expires, session.expires);
    if (session.revoked !== undefined || end <= now) return undefined;
    ends = Math.min(ends, end);
    if (session.parent_id === undefined) return { consented: session, ends };
    session = await store.sessions.find(session.parent_id);
  }
  return undefined;
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
  const entitledBy = { names: [user.name], allowed: [] };
  return { roles, entitled, entitledBy, granted: undefined, until, revokedAt: grant.revoked_at };
}

/** What a subject may be granted: a client of the configuration for itself (its id is its `sub`), or a person. */
export async function readGrantable(
  reader: RecordReader,
  { sub, client_id }: { readonly sub: string; readonly client_id: string },
  server: EntitledServer,
): Promise<readonly string[]> {
  if (sub === client_id) return clientScopes(client_id, server);
  return (await readEntitlement(reader, sub, server)).entitled;
}
