/** Roles that somebody else vouched for, and when. Times are integer seconds. */
export interface VouchedRoles {
  readonly roles: readonly string[];
  readonly roles_at: number;
}

export interface Roles {
  readonly roles: readonly string[];
  /** When some of them stop counting; `undefined`: never. */
  readonly until: number | undefined;
}

/** A person's own roles, and those from elsewhere that are younger than `maxAge` seconds. */
export function effectiveRoles(
  own: readonly string[],
  vouched: readonly VouchedRoles[],
  { now, maxAge }: { readonly now: number; readonly maxAge: number },
): Roles {
  const fresh = vouched.filter(({ roles, roles_at }) => roles.length > 0 && now < roles_at + maxAge);
  if (fresh.length === 0) return { roles: own, until: undefined };
  return {
    roles: [...new Set([...own, ...fresh.flatMap(({ roles }) => roles)])],
    until: Math.min(...fresh.map(({ roles_at }) => roles_at + maxAge)),
  };
}
