import { type CallDetailWords, describeCallDetail } from "@sallyport/auth";
import {
  type AuthorizationServerStorage,
  displayName,
  type Grant,
  type ResourceDescription,
  type Session,
} from "@sallyport/auth/authorization-server";

export interface AccountOptions {
  readonly storage: Pick<AuthorizationServerStorage, "clients" | "grants" | "sessions">;
  /** Names and scopes in words; `undefined` for a server that is gone. */
  describeResource(resource: string): Promise<ResourceDescription | undefined>;
  /** Accounts at other systems; absent where no connection is configured. */
  readonly connections?: ConnectedSystems;
}

/** Port: what a person has connected under their own name. */
export interface ConnectedSystems {
  list(sub: string): Promise<readonly ConnectedSystem[]>;
  /** Takes it away here before it resolves, and ends it there as far as that lets us. */
  disconnect(sub: string, connection: string): Promise<unknown>;
}

export interface ConnectedSystem {
  /** An account that the person connected, or what is kept of their sign-in at the identity provider. */
  readonly kind: "account" | "sign-in";
  readonly connection: string;
  readonly title: string;
  /** Path of the page to connect it, below the public URL. */
  readonly connectPath: string;
  readonly scopes: readonly string[];
  /** Servers here that use it. */
  readonly usedBy: readonly string[];
  /** `ended`: by the other system; `open`: never connected. */
  readonly state: "connected" | "ended" | "open";
  readonly since: number | undefined;
}

/** One program that may act for the person, with everything it was given. */
export interface ClientAccess {
  readonly client_id: string;
  readonly name: string;
  /** What is known about the name: a domain it was fetched from, the operator's word, or nothing. */
  readonly known:
    | { readonly kind: "domain"; readonly domain: string }
    | { readonly kind: "operator" | "unverified" | "gone" };
  readonly grants: readonly GrantAccess[];
  /** Names of the programs that sent this one on with a part of what they may (RFC 8693): it ends with them, and they may send it again. */
  readonly sentBy: readonly string[];
  /** Live sessions, last used first. */
  readonly sessions: readonly Session[];
}

export interface GrantAccess {
  readonly resource: string;
  readonly server: string;
  readonly scopes: readonly {
    readonly scope: string;
    readonly title: string;
    readonly description: string | undefined;
  }[];
  /** Single calls that were agreed to, in words, those over left out. One call only may have been made by now. */
  readonly calls: readonly CallDetailWords[];
}

/** What `sub` gave to whom: programs that they agreed to first, then those that act for these; most recently used ones first. */
export async function readOverview(
  options: AccountOptions,
  sub: string,
  now: number,
): Promise<readonly ClientAccess[]> {
  const [grants, sessions] = await Promise.all([
    options.storage.grants.list(sub),
    options.storage.sessions.list(sub, now),
  ]);
  const ids = new Set([...sessions, ...grants].map(({ client_id }) => client_id));
  const described = new Map(
    await Promise.all([...ids].map(async (id) => [id, await describeClient(options, id, now)] as const)),
  );
  const clientOf = new Map(sessions.map(({ id, client_id }) => [id, client_id]));
  const access = await Promise.all(
    [...described].map(async ([client_id, words]) => {
      const own = sessions.filter((session) => session.client_id === client_id);
      const held = grants.filter((grant) => grant.client_id === client_id);
      return {
        client_id,
        ...words,
        sentBy: sendersOf(client_id, own, clientOf).map((id) => described.get(id)?.name ?? id),
        grants: await Promise.all(held.map((grant) => describeGrant(options, grant, now))),
        sessions: own.toSorted((a, b) => b.last_used - a.last_used),
      };
    }),
  );
  const lastUsed = ({ sessions: [latest] }: ClientAccess) => latest?.last_used ?? 0;
  const agreed = ({ grants: held }: ClientAccess) => (held.length > 0 ? 1 : 0);
  return access.toSorted((a, b) => agreed(b) - agreed(a) || lastUsed(b) - lastUsed(a));
}

/** Other clients whose sessions these came of; a session whose parent has ended has ended too. */
function sendersOf(
  client_id: string,
  sessions: readonly Session[],
  clientOf: ReadonlyMap<string, string>,
): readonly string[] {
  const senders = sessions.flatMap(({ parent_id }) => {
    const sender = parent_id === undefined ? undefined : clientOf.get(parent_id);
    return sender === undefined || sender === client_id ? [] : [sender];
  });
  return [...new Set(senders)];
}

async function describeClient(
  { storage }: AccountOptions,
  client_id: string,
  now: number,
): Promise<Pick<ClientAccess, "name" | "known">> {
  // A client ID metadata document is its own address; the name on it was fetched from that domain.
  if (client_id.startsWith("https://") && URL.canParse(client_id)) {
    const domain = new URL(client_id).host;
    return { name: domain, known: { kind: "domain", domain } };
  }
  const record = await storage.clients.find(client_id, now);
  if (record === undefined) return { name: "A program that is not registered any more", known: { kind: "gone" } };
  return {
    name: displayName(record.metadata.client_name ?? client_id),
    known: { kind: record.origin === "configured" ? "operator" : "unverified" },
  };
}

async function describeGrant({ describeResource }: AccountOptions, grant: Grant, now: number): Promise<GrantAccess> {
  const description = await describeResource(grant.resource);
  return {
    resource: grant.resource,
    server: description?.name ?? grant.resource,
    scopes: grant.scopes.map((scope) => {
      const known = description?.scopes.find((candidate) => candidate.scope === scope);
      return { scope, title: known?.title ?? scope, description: known?.description };
    }),
    calls: (grant.details ?? []).filter(({ exp }) => exp === undefined || exp > now).map(describeCallDetail),
  };
}
