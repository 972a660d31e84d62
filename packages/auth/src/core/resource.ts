import { OAuthError } from "./oauth-error.js";
import { quote } from "./quote.js";
import { decodeFully, hasControlOrBackslash, hasDotSegment, isCanonicalAuthority } from "./uri-text.js";

export { normaliseResourcePattern, normaliseResourceUri } from "./resource-uri.js";

const HTTP_URI = /^(https?):\/\/([^/?#]*)([^#]*)$/i;
/** RFC 3986 §3.3, §3.4: what path and query may hold. */
const PATH_AND_QUERY = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*$/;

/**
 * RFC 8707 §2 resource indicator: absolute http(s) URI without fragment; scheme and host come back in lower case, the rest byte for byte
 * no slash added to an empty path. Does not check that the resource is one of ours. @throws OAuthError `target_malformed`, also
 * for user information, dot segments and address forms that only a URL parser would read as a host.
 */
export function parseResource(value: string): string {
  const [, scheme, authority, rest] = HTTP_URI.exec(value) ?? [];
  if (scheme === undefined || authority === undefined || rest === undefined) throw malformed(value);
  const decoded = decodeFully(rest);
  if (decoded === undefined || hasDotSegment(decoded) || hasControlOrBackslash(decoded)) throw malformed(value);
  if (!PATH_AND_QUERY.test(rest) || !isCanonicalAuthority(scheme, authority)) throw malformed(value);
  return `${scheme.toLowerCase()}://${authority.toLowerCase()}${rest}`;
}

function malformed(value: string): OAuthError {
  return new OAuthError("target_malformed", { detail: quote(value) });
}

/**
 * RFC 9728 §3.1: the well-known segment inserted between host and path; a slash that is the whole path goes.
 * @throws OAuthError `target_malformed`.
 */
export function protectedResourceMetadataUrl(resource: string): string {
  const [, scheme, authority, rest = ""] = HTTP_URI.exec(parseResource(resource)) ?? [];
  const suffix = rest === "/" || rest.startsWith("/?") ? rest.slice(1) : rest;
  return `${scheme}://${authority}/.well-known/oauth-protected-resource${suffix}`;
}
