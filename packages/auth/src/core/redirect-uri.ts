/** `loopback`: http on 127.0.0.1, [::1] or localhost. `private-use`: reverse-domain or listed scheme (RFC 8252 §7.1). */
export type RedirectUriKind = "https" | "loopback" | "private-use";

export interface RedirectUriOptions {
  /** Private-use schemes without a dot that are known to be real clients' (data file), for example `cursor`. */
  readonly knownSchemes?: readonly string[];
}

/** @throws OAuthError `redirect_uri_refused`, with a description that says why: fragment, userinfo, wildcard, script scheme, http beyond loopback… */
export function validateRedirectUri(uri: string, options: RedirectUriOptions = {}): RedirectUriKind {
  throw new TypeError(uri + String(options));
}

/** Exact comparison, but the port of loopback URIs is free (RFC 8252 §7.3) and so is a single trailing slash of an empty loopback path. */
export function isRegisteredRedirectUri(registered: readonly string[], presented: string): boolean {
  throw new TypeError(presented + registered.length);
}

/** Where the answer goes, for the consent page: the host in ASCII (punycode), or the scheme of a private-use URI. */
export function describeRedirectUri(uri: string): { readonly kind: RedirectUriKind; readonly destination: string } {
  throw new TypeError(uri);
}
