import type { AccessConfig } from "../config/schema.js";

/** Who somebody is to the entitlement: what the user record says now. */
export interface EntitledUser {
  readonly name: string;
  readonly roles: readonly string[];
  readonly owner: boolean;
  readonly disabled: boolean;
  /** `<issuer>|<subject>` of those who sign in elsewhere, as `access` names them. A name or mail address from there never counts. */
  readonly identities?: readonly string[];
}

export interface EntitlementInput {
  readonly user: EntitledUser | undefined;
  /** Every scope of the server, which is what the owner may be granted. */
  readonly scopes: readonly string[];
  /** `access` of the configuration. */
  readonly access: readonly AccessConfig[] | undefined;
  /** What `sallyport user allow` added for this user and server. */
  readonly allowed: readonly string[];
}

/** The same for a client of the configuration that acts for itself: `access` alone says it, and neither roles nor the owner count. */
export function clientScopes(
  client_id: string,
  { scopes, access }: Pick<EntitlementInput, "scopes" | "access">,
): readonly string[] {
  const entitled = new Set((access ?? []).flatMap((entry) => (entry.clients?.includes(client_id) ? entry.scopes : [])));
  return scopes.filter((scope) => entitled.has(scope));
}

/**
 * The entitlement: the scopes that a person may be granted on one server. Nobody, and nobody disabled, has any; scopes that the
 * server does not have are dropped, so that a renamed scope takes its entitlements with it instead of passing them on.
 */
export function entitledScopes({ user, scopes, access, allowed }: EntitlementInput): readonly string[] {
  if (user === undefined || user.disabled) return [];
  // An installation with `access` has no owner: what its configuration does not say, nobody may be granted.
  if (user.owner && access === undefined) return scopes;
  const entitled = new Set(allowed);
  const names = [user.name, ...(user.identities ?? [])];
  for (const entry of access ?? []) {
    const named =
      entry.users?.some((name) => names.includes(name)) === true ||
      entry.roles?.some((role) => user.roles.includes(role)) === true;
    if (named) for (const scope of entry.scopes) entitled.add(scope);
  }
  return scopes.filter((scope) => entitled.has(scope));
}
