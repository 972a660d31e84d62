/** What somebody else vouched for, and when. Times are integer seconds. */
export interface Vouched {
  readonly roles: readonly string[];
  readonly roles_at: number;
}

export interface Effective<T extends Vouched> {
  readonly roles: readonly string[];
  /** What is young enough to count: who somebody is elsewhere grows as old as their roles from there. */
  readonly fresh: readonly T[];
  /** When some of it stops counting; `undefined`: never. */
  readonly until: number | undefined;
}

/** A person's own roles, and what others vouched for less than `maxAge` seconds ago. */
export function effectiveRoles<T extends Vouched>(
  own: readonly string[],
  vouched: readonly T[],
  { now, maxAge }: { readonly now: number; readonly maxAge: number },
): Effective<T> {
  const fresh = vouched.filter(({ roles_at }) => now < roles_at + maxAge);
  if (fresh.length === 0) return { roles: own, fresh, until: undefined };
  return {
    roles: [...new Set([...own, ...fresh.flatMap(({ roles }) => roles)])],
    fresh,
    until: Math.min(...fresh.map(({ roles_at }) => roles_at + maxAge)),
  };
}
