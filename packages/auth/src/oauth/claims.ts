import type { JsonClaims } from "./jws.js";

/** A claim by its whole name, which may hold dots (`https://example.com/roles`), else by its path (`realm_access.roles`). */
export function claimAt(claims: JsonClaims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const part of name.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as JsonClaims)[part];
  }
  return value;
}

/**
 * Texts that a claim of another server's making holds: an array of strings, one string, the text of a boolean or number, or an object whose
 * keys they are (Zitadel's roles). Anything else has none.
 */
export function claimValues(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  if (typeof value === "boolean" || typeof value === "number") return [String(value)];
  if (Array.isArray(value)) return value.filter((entry): entry is string => typeof entry === "string");
  return typeof value === "object" && value !== null ? Object.keys(value) : [];
}

/** Claim → the values of which one must be there. */
export type RequiredClaims = Readonly<Record<string, readonly string[]>>;

/** The first claim that does not have what is required, or `undefined`. */
export function missingClaim(claims: JsonClaims, required: RequiredClaims): string | undefined {
  return Object.entries(required).find(
    ([name, wanted]) => !claimValues(claimAt(claims, name)).some((value) => wanted.includes(value)),
  )?.[0];
}
