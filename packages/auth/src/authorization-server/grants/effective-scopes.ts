import type { CallDetail } from "../../core/call-details.js";
import { OAuthError } from "../../core/oauth-error.js";
import { expandScopes, type ScopeHierarchy } from "../../core/scope.js";
import type { ResourceDescription } from "../contract.js";
import { type Held, liveDetails } from "../details/details.js";
import { hierarchyOf, limitScopes } from "../entitled-scopes.js";
import type { Server } from "../server.js";
import type { Session } from "../storage.js";

/** What a resource of ours is, now. @throws OAuthError `target_unknown` when there is no such resource any more */
export async function describe(server: Server, resource: string): Promise<ResourceDescription> {
  const known = server.options.resources().includes(resource);
  const description = known ? await server.options.describeResource(resource) : undefined;
  if (description === undefined) throw new OAuthError("target_unknown");
  return description;
}

/** How its scopes include each other. @throws OAuthError `target_unknown` */
export async function scopesOf(server: Server, resource: string): Promise<ScopeHierarchy> {
  return hierarchyOf(await describe(server, resource));
}

/**
 * `scopes` and `details` under what the person may be granted now: an entitlement that was taken away since consent bites at the next token.
 * @throws OAuthError `entitlement_gone` when nothing is left, which is also how a disabled user looks from here
 */
export async function effective(
  server: Server,
  session: Pick<Session, "sub" | "client_id" | "resource">,
  { scopes, details = [] }: { readonly scopes: readonly string[]; readonly details?: readonly CallDetail[] },
): Promise<Held> {
  const hierarchy = await scopesOf(server, session.resource);
  const entitled = await server.options.mayBeGranted(session.sub, session.client_id, session.resource);
  const held = {
    scopes: limitScopes(hierarchy, scopes, entitled),
    details: liveDetails(details, expandScopes(hierarchy, entitled), server.system.now()),
  };
  if (held.scopes.length === 0 && held.details.length === 0) throw new OAuthError("entitlement_gone");
  return held;
}
