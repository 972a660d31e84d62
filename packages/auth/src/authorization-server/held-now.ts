import { OAuthError } from "../core/oauth-error.js";
import { expandScopes } from "../core/scope.js";
import type { DownstreamApi } from "./contract.js";
import type { Held } from "./details/details.js";
import type { FoundToken } from "./find-token.js";
import { effective, scopesOf } from "./grants/effective-scopes.js";
import { deriveScopes } from "./grants/exchange-for-api.js";
import type { Server } from "./server.js";
import type { Session } from "./storage.js";

/**
 * What a token of ours is good for at this moment: what it says, under what its subject may be granted now. `undefined`: nothing, because its
 * session, one that it descends from, or the consent behind them has ended, or nothing of it may be granted any more.
 */
export async function heldNow(server: Server, token: FoundToken): Promise<Held | undefined> {
  const { claims, session, audience } = token;
  const front = await standingFront(server, session);
  if (front === undefined) return undefined;
  try {
    const api = server.options.apis?.find(({ resource }) => resource === audience);
    if (api === undefined) return await effective(server, session, claims);
    const derived = await derivedNow(server, api, front);
    const scopes = claims.scopes.filter((scope) => derived.includes(scope));
    return scopes.length === 0 ? undefined : { scopes, details: [] };
  } catch (error) {
    if (error instanceof OAuthError && GONE.has(error.reason)) return undefined;
    throw error;
  }
}

const GONE: ReadonlySet<string> = new Set(["entitlement_gone", "target_unknown"]);

/** The last session of the chain that is one at a resource, not at an API behind it; `undefined` where the chain has an end anywhere. */
async function standingFront(server: Server, own: Session): Promise<Session | undefined> {
  const { sessions, grants } = server.options.storage;
  const now = server.system.now();
  let front: Session | undefined;
  for (let session: Session | undefined = own; session !== undefined; ) {
    if (session.revoked !== undefined || Math.min(session.idle_expires, session.expires) <= now) return undefined;
    if (front === undefined && server.options.resources().includes(session.resource)) front = session;
    if (session.parent_id === undefined) {
      const grant = await grants.find(session.sub, session.client_id, session.resource);
      return grant?.id === session.grant_id ? front : undefined;
    }
    session = await sessions.find(session.parent_id);
  }
  return undefined;
}

/** Scopes of an API that the session in front amounts to now, by way of whatever stands between. */
async function derivedNow(server: Server, api: DownstreamApi, front: Session): Promise<readonly string[]> {
  const before = server.options.apis?.find(({ resource }) => resource === api.behind);
  if (before !== undefined) return deriveScopes(api, new Set(await derivedNow(server, before, front)));
  const { scopes } = await effective(server, front, front);
  return deriveScopes(api, expandScopes(await scopesOf(server, front.resource), scopes));
}
