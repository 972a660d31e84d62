import type { Site } from "./site.js";

/**
 * The way back after sign-in. Only a path of this site below one of `paths` is ever followed, so that a link to the sign-in page
 * cannot send a person elsewhere (RFC 9700 §4.11.2, open redirection). What is not exactly such a path becomes `undefined`.
 */
export function parseReturnTo(
  value: string | undefined | null,
  site: Site,
  paths: readonly string[],
): string | undefined {
  if (value === undefined || value === null || value.length > 4096 || !value.startsWith("/")) return undefined;
  if (!URL.canParse(value, site.origin)) return undefined;
  const url = new URL(value, site.origin);
  // What the parser had to repair (backslashes, dot segments, control characters, "//host") is refused, not repaired.
  if (url.origin !== site.origin || url.pathname + url.search !== value) return undefined;
  if (!url.pathname.startsWith(`${site.prefix}/`)) return undefined;
  const path = url.pathname.slice(site.prefix.length);
  return paths.some((allowed) => path === allowed || path.startsWith(`${allowed}/`)) ? value : undefined;
}

/** Absolute URL of this site → its path; anything else unchanged. */
export function toPath(returnTo: string, site: Site): string {
  return returnTo.startsWith(`${site.origin}/`) ? returnTo.slice(site.origin.length) : returnTo;
}
