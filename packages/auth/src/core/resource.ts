/**
 * RFC 8707 §2 resource indicator: absolute http(s) URI without fragment; scheme and host come back in lower case, the rest byte for byte
 * no slash added to an empty path. @throws OAuthError `target_malformed`.
 */
export function parseResource(value: string): string {
  throw new TypeError(value);
}

/** RFC 9728 §3.1: the well-known segment inserted between host and path. */
export function protectedResourceMetadataUrl(resource: string): string {
  throw new TypeError(resource);
}

/**
 * The form under which an MCP resource URI is matched by globs: scheme and host in lower case, percent-encoding of unreserved characters
 * undone. `undefined` = refused: not an absolute URI, dot segments (also encoded, also twice), control characters, backslashes.
 */
export function normaliseResourceUri(uri: string): string | undefined {
  throw new TypeError(uri);
}
