import type { AskedCallDetail, CallDetail } from "../../core/call-details.js";
import type { ClientMetadata } from "../../core/client-metadata.js";
import { OAuthError } from "../../core/oauth-error.js";
import { expandScopes, parseScope } from "../../core/scope.js";
import { randomToken } from "../../system.js";
import { narrowDetails } from "../details/details.js";
import { limitScopes } from "../entitled-scopes.js";
import type { Server } from "../server.js";
import type { ClientRecord, Grant } from "../storage.js";
import { describe, scopesOf } from "./effective-scopes.js";

/** Who a token is for, where nobody is asked at a page: what may be granted is what is granted. */
export interface StandingGrant {
  readonly sub: string;
  readonly client_id: string;
  readonly resource: string;
}

/** RFC 6749 §4.4.2: only who can prove who it is, and was put there by the operator, acts by a grant of this kind. */
export function requireConfigured({ origin, metadata }: ClientRecord): ClientMetadata {
  if (origin !== "configured")
    throw new OAuthError("client_not_allowed", { detail: "a client that registered itself" });
  requireConfidential(metadata);
  return metadata;
}

export function requireConfidential({ token_endpoint_auth_method }: ClientMetadata): void {
  if (token_endpoint_auth_method === "none")
    throw new OAuthError("client_authentication", { detail: "a public client" });
}

/**
 * The scopes that are both asked for and entitled; asked for nothing, all that is entitled (RFC 6749 §3.3).
 * @throws OAuthError `scope_refused` when nothing is left
 */
export async function grantableScopes(
  server: Server,
  { sub, client_id, resource }: StandingGrant,
  asked: readonly string[],
): Promise<readonly string[]> {
  const hierarchy = await scopesOf(server, resource);
  const entitled = await server.options.mayBeGranted(sub, client_id, resource);
  const scopes = asked.length === 0 ? entitled : limitScopes(hierarchy, asked, entitled);
  if (scopes.length === 0) throw new OAuthError("scope_refused");
  return scopes;
}

/** What is asked for, as far as the subject is entitled to every tool of it. @throws OAuthError `details_exceeded` */
export async function grantableDetails(
  server: Server,
  { sub, client_id, resource }: StandingGrant,
  asked: readonly AskedCallDetail[],
): Promise<readonly CallDetail[]> {
  const description = await describe(server, resource);
  const entitled = await server.options.mayBeGranted(sub, client_id, resource);
  return narrowDetails({ server, resource, description }, asked, { scopes: entitled, details: [] });
}

/** `scope` of a request; `[]`: it named none. `offline_access` is no scope of a resource. */
export function readScopes(scope: string | undefined): readonly string[] {
  return parseScope(scope?.trim() ?? "").filter((each) => each !== "offline_access");
}

/** The live grant, made or widened where it does not hold `scopes` yet: it is what an operator sees, and ends. */
export async function standingGrant(server: Server, who: StandingGrant, scopes: readonly string[]): Promise<Grant> {
  const { grants } = server.options.storage;
  const known = await grants.find(who.sub, who.client_id, who.resource);
  if (known !== undefined) {
    if (scopes.every((scope) => known.scopes.includes(scope))) return known;
    const held = expandScopes(await scopesOf(server, who.resource), known.scopes);
    if (scopes.every((scope) => held.has(scope))) return known;
  }
  const now = server.system.now();
  return grants.widen({ id: randomToken(server.system, 16), ...who, scopes, created: now, updated: now });
}
