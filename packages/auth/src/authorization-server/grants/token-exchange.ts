import { OAuthError } from "../../core/oauth-error.js";
import type { Actor } from "../../core/principal.js";
import { expandScopes } from "../../core/scope.js";
import {
  ACCESS_TOKEN_TYPE,
  formatActors,
  isAccessTokenType,
  MAX_ACTORS,
  mayAct,
  TOKEN_EXCHANGE_GRANT,
} from "../../oauth/token-exchange.js";
import type { DownstreamApi } from "../contract.js";
import { type Held, narrowDetails } from "../details/details.js";
import { AUTHORIZATION_DETAILS, readDetails } from "../details/read-details.js";
import { hierarchyOf } from "../entitled-scopes.js";
import { type FoundToken, findToken } from "../find-token.js";
import { findResource } from "../resources.js";
import type { Server } from "../server.js";
import type { Session } from "../storage.js";
import { tokenResponse } from "../tokens.js";
import { describe, effective } from "./effective-scopes.js";
import { findApi, scopesAtApi } from "./exchange-for-api.js";
import type { GrantType, TokenRequest } from "./grant-type.js";
import { openSession } from "./open-session.js";
import { readScopes, requireConfigured } from "./own-tokens.js";

/**
 * RFC 8693 for access tokens of ours: a weaker one, for oneself or for an agent that acts for the same subject. What comes out is never
 * more than what went in: scopes, lifetime, and resources that the operator listed. It has a session of its own under the one it came
 * from, and ends with it.
 */
export const tokenExchange: GrantType = {
  name: TOKEN_EXCHANGE_GRANT,
  parameters: [
    "subject_token",
    "subject_token_type",
    "actor_token",
    "actor_token_type",
    "requested_token_type",
    "resource",
    "audience",
    "scope",
    AUTHORIZATION_DETAILS,
  ],
  when: ({ options }) => options.mayExchange !== undefined,
  async handle(request) {
    const { server } = request;
    const { client_id } = requireConfigured(request.client);
    if (!isAccessTokenType(request.parameters.one("requested_token_type") ?? ACCESS_TOKEN_TYPE)) {
      throw new OAuthError("request_malformed", { description: "The only requested_token_type here is access_token." });
    }
    const subject = await readToken(request, "subject_token");
    if (subject === undefined) {
      throw new OAuthError("request_malformed", { description: "The subject_token is missing." });
    }
    const actor = await readToken(request, "actor_token");
    const { claims, session: parent } = subject;
    const permission = server.options.mayExchange?.(client_id);
    const serves = permission?.serves?.includes(subject.audience) === true;
    const acting = actingParty(client_id, subject, { actor, serves });
    const act = formatActors([
      ...(acting === undefined ? [] : [acting]),
      ...earlierActors(claims, { serves, client_id }),
    ]);
    await requireShortLineage(server, parent);
    const { resource, scopes, details } = await aimed(request, subject);
    const who = { sub: claims.sub, client_id, resource };
    const held = { scopes, ...(details.length > 0 && { details }) };
    const { grant_id, id: parent_id, auth_time } = parent;
    const latest = Math.min(claims.exp, parent.expires);
    const session = await openSession(request, { grant_id, parent_id, auth_time, ...who, ...held }, latest);
    server.system.log("info", "token exchanged", { client_id, sub: who.sub, resource, scopes, parent: parent_id, act });
    return tokenResponse(request, session, {
      ...held,
      refresh_token: undefined,
      ...(act !== undefined && { act }),
      issued_token_type: ACCESS_TOKEN_TYPE,
    });
  },
};

/** A living access token of ours; one that is bound to a key comes with a proof by that key (RFC 9449 §7.1 in spirit). */
async function readToken(
  { server, parameters, proof, client }: TokenRequest,
  name: "subject_token" | "actor_token",
): Promise<FoundToken | undefined> {
  const token = parameters.one(name);
  const type = parameters.one(`${name}_type`);
  // RFC 8693 §2.1: the type is REQUIRED with its token, and MUST NOT come without.
  if ((token === undefined) !== (type === undefined)) {
    throw new OAuthError("request_malformed", { description: `${name} and ${name}_type go together.` });
  }
  if (token === undefined) return undefined;
  const refuse = (detail: string) => new OAuthError("exchange_refused", { detail: `${name}: ${detail}` });
  if (!isAccessTokenType(type)) throw refuse("not an access token");
  const found = await findToken(server, token);
  if (found === undefined) throw refuse("no living access token of this server");
  const { claims, session, audience } = found;
  // The scopes of an API are other words than those of a resource, and nobody agreed to them: what was derived leads nowhere else.
  // The one way on is to an API that stands behind it, which the operator wrote down; see `apiBehind`.
  const ofResource = audience === session.resource && server.options.resources().includes(audience);
  if (!ofResource && (name === "actor_token" || apiBehind({ server, parameters, client }, audience) === undefined)) {
    throw refuse("of an API behind a resource");
  }
  const now = server.system.now();
  if (session.revoked !== undefined || now >= session.expires || session.sub !== claims.sub) {
    throw refuse("its session has ended");
  }
  if (claims.cnf !== undefined && claims.cnf.jkt !== proof?.jkt)
    throw refuse("bound to a DPoP key that was not proven");
  return found;
}

/**
 * Who acts, besides those who have: the party behind actor_token; else the client itself, with a token that was issued to another;
 * else nobody, since who weakens a token of its own acts as before. A token of another client takes its `may_act` (RFC 8693 §4.4), so that
 * a client that came by a token gains nothing (exchange-widen); and where there is a `may_act`, it holds for everybody.
 */
function actingParty(
  client_id: string,
  subject: FoundToken,
  { actor, serves }: { readonly actor: FoundToken | undefined; readonly serves: boolean },
): Actor | undefined {
  const refuse = (detail: string) => new OAuthError("exchange_refused", { detail });
  const own = subject.claims.client_id === client_id;
  if (actor === undefined && own) return undefined;
  const party = actor?.claims ?? { sub: client_id, client_id };
  if (actor !== undefined) {
    if (actor.claims.kind !== "client" || actor.claims.actor !== undefined)
      throw refuse("actor_token: of no client for itself");
    if (!own && !serves && actor.claims.client_id !== client_id)
      throw refuse("neither token was issued to this client");
  }
  const acting = { sub: party.sub, client_id: party.client_id };
  // What is shown to a resource may be exchanged by it, as the operator says; `may_act` is about others.
  const free = (serves && actor === undefined) || (own && subject.may_act === undefined);
  if (!free && !mayAct(subject.may_act, acting)) throw refuse("may_act does not name the acting party");
  return acting;
}

/**
 * Who acted before, newest first. Where the resource itself exchanges, the client that the token was issued to acted, if nobody else did:
 * what stands behind sees the person, the agent and the server.
 */
function earlierActors(
  { actor, chain, client_id: agent, kind }: FoundToken["claims"],
  { serves, client_id }: { readonly serves: boolean; readonly client_id: string },
): readonly Actor[] {
  if (actor !== undefined) return [actor, ...chain];
  return serves && kind === "user" && agent !== client_id ? [{ sub: agent, client_id: agent }] : [];
}

/** Where the new token is good, and for what. */
async function aimed(
  request: TokenRequest,
  { claims, session: parent, audience }: FoundToken,
): Promise<Held & { readonly resource: string }> {
  const { server, parameters, client } = request;
  const { client_id } = client.metadata;
  const api = findApi(server, [...parameters.all("resource"), ...parameters.all("audience")]);
  if (api !== undefined) {
    requirePermitted(request, api.resource);
    if (server.options.authorizationDetails === true && parameters.one(AUTHORIZATION_DETAILS) !== undefined) {
      throw new OAuthError("details_refused", {
        description: "An API behind a resource has no authorization_details.",
      });
    }
    const asked = readScopes(parameters.one("scope"));
    // Single calls lead to no API: its scopes say nothing of which call was agreed to.
    const from = { audience, held: claims.scopes };
    const scopes = await scopesAtApi(server, { api, asked, from }, await frontSession(server, parent));
    return { resource: api.resource, scopes, details: [] };
  }
  const resource = targetOf(request, parent.resource);
  const who = { sub: claims.sub, client_id, resource };
  const narrowed = await narrow(request, { scopes: claims.scopes, details: claims.details ?? [] }, resource);
  return { resource, ...(await effective(server, who, narrowed)) };
}

/** The API that is asked for, if it stands right behind the one that a token is for, and the client serves that one. */
function apiBehind(
  { server, parameters, client }: Pick<TokenRequest, "server" | "parameters" | "client">,
  audience: string,
): DownstreamApi | undefined {
  const api = findApi(server, [...parameters.all("resource"), ...parameters.all("audience")]);
  const serves = server.options.mayExchange?.(client.metadata.client_id)?.serves?.includes(audience) === true;
  return serves && api?.behind === audience ? api : undefined;
}

/** The session at a resource that another descends from: what the person may be granted there holds for all of them. */
async function frontSession(server: Server, session: Session): Promise<Session> {
  let front = session;
  while (!server.options.resources().includes(front.resource)) {
    const parent =
      front.parent_id === undefined ? undefined : await server.options.storage.sessions.find(front.parent_id);
    if (parent === undefined) throw new OAuthError("exchange_refused", { detail: "its first session is gone" });
    front = parent;
  }
  return front;
}

/** Tokens that one client weakens again and again have no further actor, and a bound all the same. */
async function requireShortLineage(server: Server, session: Session): Promise<void> {
  let ancestor: Session | undefined = session;
  for (let depth = 0; ancestor?.parent_id !== undefined; depth += 1) {
    if (depth === MAX_ACTORS - 1) throw new OAuthError("exchange_too_deep");
    ancestor = await server.options.storage.sessions.find(ancestor.parent_id);
  }
}

/** RFC 8693 §2.1: `resource` or `audience`, which both hold a resource of ours. Another than the token's own takes the operator's word. */
function targetOf(request: TokenRequest, own: string): string {
  const { server, parameters } = request;
  const named = [...parameters.all("resource"), ...parameters.all("audience")];
  const resource = findResource(server, [...new Set(named)]) ?? own;
  requirePermitted(request, resource, own);
  return resource;
}

function requirePermitted({ server, client }: TokenRequest, resource: string, own?: string): void {
  const permission = server.options.mayExchange?.(client.metadata.client_id);
  if (permission === undefined) throw new OAuthError("client_not_allowed");
  if (resource !== own && !permission.resources.includes(resource)) {
    throw new OAuthError("target_unknown", { detail: "not among the resources of this client" });
  }
}

/**
 * What is asked for, all of it covered by the token; asked for nothing, what of the token means something at the resource. A single call may
 * come out of the token's details or out of its scopes, and whoever names one without the other gets one without the other.
 */
async function narrow(request: TokenRequest, held: Held, resource: string): Promise<Held> {
  const { server, parameters } = request;
  const description = await describe(server, resource);
  const local = { scopes: held.scopes, details: held.details.filter(({ locations }) => locations[0] === resource) };
  const scopes = readScopes(parameters.one("scope"));
  const asked = readDetails(request, resource, "granted");
  if (scopes.length === 0 && asked.length === 0) return local;
  const covered = expandScopes(hierarchyOf(description), held.scopes);
  if (!scopes.every((scope) => covered.has(scope))) {
    throw new OAuthError("scope_exceeded", {
      description: "An exchange can only narrow the scope of the subject_token.",
    });
  }
  return { scopes, details: narrowDetails({ server, resource, description }, asked, local) };
}
