import { OAuthError } from "../../core/oauth-error.js";
import type { ScopeHierarchy } from "../../core/scope.js";
import { hierarchyOf, limitScopes } from "../entitled-scopes.js";
import type { Server } from "../server.js";
import type { Session } from "../storage.js";

/** How the scopes of a resource of ours include each other, now. @throws OAuthError `target_unknown` when there is no such resource any more */
export async function scopesOf(server: Server, resource: string): Promise<ScopeHierarchy> {
  const known = server.options.resources().includes(resource);
  const description = known ? await server.options.describeResource(resource) : undefined;
  if (description === undefined) throw new OAuthError("target_unknown");
  return hierarchyOf(description);
}

/**
 * `scopes` under what the person may be granted now: an entitlement that was taken away since consent bites at the next token.
 * @throws OAuthError `entitlement_gone` when nothing is left, which is also how a disabled user looks from here
 */
export async function effectiveScopes(
  server: Server,
  session: Pick<Session, "sub" | "client_id" | "resource">,
  scopes: readonly string[],
): Promise<readonly string[]> {
  const hierarchy = await scopesOf(server, session.resource);
  const entitled = await server.options.mayBeGranted(session.sub, session.client_id, session.resource);
  const effective = limitScopes(hierarchy, scopes, entitled);
  if (effective.length === 0) throw new OAuthError("entitlement_gone");
  return effective;
}
