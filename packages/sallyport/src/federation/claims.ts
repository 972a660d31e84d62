import { claimAt, claimValues } from "@sallyport/auth";

/** Claims as they came; nothing about their types is known. */
export type Claims = Readonly<Record<string, unknown>>;

/** Group or role as its issuer names it → roles here. What is not listed gives nothing. */
export type RoleMapping = Readonly<Record<string, readonly string[]>>;

/** Every role that the values of these claims stand for. */
export function mapRoles(claims: Claims, names: readonly string[], mapping: RoleMapping): readonly string[] {
  return rolesOf(
    names.flatMap((name) => claimValues(claimAt(claims, name))),
    mapping,
  );
}

export function rolesOf(values: readonly string[], mapping: RoleMapping): readonly string[] {
  return [...new Set(values.flatMap((value) => (Object.hasOwn(mapping, value) ? (mapping[value] ?? []) : [])))].sort();
}
