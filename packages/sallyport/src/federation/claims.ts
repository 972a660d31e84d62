/** Claims as they came; nothing about their types is known. */
export type Claims = Readonly<Record<string, unknown>>;

/** A claim by its whole name, which may hold dots (`https://example.com/roles`), else by its path (`realm_access.roles`). */
export function claimAt(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const part of name.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Claims)[part];
  }
  return value;
}

/** Values of a group or role claim: an array of strings, one string, or an object whose keys they are (Zitadel). Anything else has none. */
export function claimValues(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value)) return value.filter((entry): entry is string => typeof entry === "string");
  return typeof value === "object" && value !== null ? Object.keys(value) : [];
}

/** Group or role as the provider names it → roles here. What is not listed gives nothing. */
export type RoleMapping = Readonly<Record<string, readonly string[]>>;

/** Every role that the values of these claims stand for. */
export function mapRoles(claims: Claims, names: readonly string[], mapping: RoleMapping): readonly string[] {
  const values = names.flatMap((name) => claimValues(claimAt(claims, name)));
  return [...new Set(values.flatMap((value) => (Object.hasOwn(mapping, value) ? (mapping[value] ?? []) : [])))].sort();
}

/** Claim → the values of which one must be there. */
export type RequiredClaims = Readonly<Record<string, readonly string[]>>;

/** The first claim that does not have what is required, or `undefined`. Booleans and numbers are compared as their text. */
export function missingClaim(claims: Claims, required: RequiredClaims): string | undefined {
  return Object.entries(required).find(([name, wanted]) => {
    const value = claimAt(claims, name);
    const values = typeof value === "boolean" || typeof value === "number" ? [String(value)] : claimValues(value);
    return !values.some((one) => wanted.includes(one));
  })?.[0];
}
