import { OAuthError } from "./oauth-error.js";
import { quote } from "./quote.js";
import { decodeFully, hasControlOrBackslash, hasDotSegment, isCanonicalAuthority } from "./uri-text.js";

/** `loopback`: http on 127.0.0.1, [::1] or localhost. `private-use`: reverse-domain or listed scheme (RFC 8252 §7.1). */
export type RedirectUriKind = "https" | "loopback" | "private-use";

export interface RedirectUriOptions {
  /** Private-use schemes without a dot that are known to be real clients' (data file), for example `cursor`. */
  readonly knownSchemes?: readonly string[];
}

const MAX_LENGTH = 2048;
const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(["127.0.0.1", "[::1]", "localhost"]);
/** Schemes that a browser runs or reads itself: an answer sent there is a script or a file, not a client. Refused even when listed as known. */
const BROWSER_SCHEMES: ReadonlySet<string> = new Set([
  ..."javascript data vbscript file blob about filesystem view-source chrome chrome-extension moz-extension resource".split(
    " ",
  ),
  ..."ws wss ftp intent jar livescript mocha mailto tel sms".split(" "),
]);
/** First labels that no reverse domain name has: `javascript.example` is there to be taken for what stands before its dot. */
const SCRIPT_SCHEMES: readonly string[] = ["javascript", "data", "vbscript", "file", "blob", "about", "http", "https"];
const REVERSE_DOMAIN = /^[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+$/;
const PARTS = /^([A-Za-z][A-Za-z0-9+.-]*):(?:\/\/([^/?]*))?(.*)$/s;
const LOOPBACK = /^http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(?::([1-9][0-9]{0,4}))?(?:\/(.*)|(\?.*))?$/s;

/** What is wrong with the text as such, whatever the scheme; the first that applies is the answer. */
const TEXT_RULES: readonly { readonly why: string; breaks(uri: string): boolean }[] = [
  { why: "is longer than 2048 characters", breaks: (uri) => uri.length > MAX_LENGTH },
  { why: "holds a space, a control character or one outside ASCII", breaks: (uri) => !/^[\x21-\x7e]*$/.test(uri) },
  { why: "has a fragment (RFC 6749 section 3.1.2)", breaks: (uri) => uri.includes("#") },
  { why: "has a wildcard; redirect URIs are compared exactly", breaks: (uri) => uri.includes("*") },
  { why: "holds a character that no URI may hold", breaks: (uri) => /["<>\\^`{|}]/.test(uri) },
  { why: "has broken or deceptive percent-encoding", breaks: hidesSomething },
  { why: "has dot segments", breaks: (uri) => hasDotSegment(decodeFully(uri) ?? "..") },
];

function hidesSomething(uri: string): boolean {
  const decoded = decodeFully(uri);
  return decoded === undefined || hasControlOrBackslash(decoded);
}

/**
 * Whether this text may be registered as a redirect URI at all (RFC 8252 §7 and §8, R-67). Not checked: who owns the host or the scheme.
 * @throws OAuthError `redirect_uri_refused`, with a description that says why: fragment, userinfo, wildcard, script scheme, http beyond loopback…
 */
export function validateRedirectUri(uri: string, options: RedirectUriOptions = {}): RedirectUriKind {
  const broken = TEXT_RULES.find((rule) => rule.breaks(uri));
  if (broken !== undefined) throw refused(uri, broken.why);
  const [, scheme = "", authority, rest = ""] = PARTS.exec(uri) ?? [];
  if (scheme === "") throw refused(uri, "is not an absolute URI");
  if (BROWSER_SCHEMES.has(scheme.toLowerCase())) throw refused(uri, "has a scheme that browsers handle themselves");
  if (scheme !== scheme.toLowerCase()) throw refused(uri, "has a scheme that is not in lower case");
  if (authority?.includes("@")) throw refused(uri, "has user information before its host");
  if (scheme === "https" || scheme === "http") return webKind(uri, scheme, authority ?? "");
  if (!REVERSE_DOMAIN.test(scheme) && !options.knownSchemes?.includes(scheme)) {
    throw refused(uri, "has a scheme that is neither https nor a reverse domain name nor a known client's");
  }
  const [label = ""] = scheme.split(".");
  if (label !== scheme && [...SCRIPT_SCHEMES, ...(options.knownSchemes ?? [])].includes(label)) {
    throw refused(uri, `has a scheme that looks like ${label}:`);
  }
  // RFC 8252 §7.1: scheme, colon, slash. Without the slash the rest would be opaque to every check above.
  if (authority === undefined && !rest.startsWith("/")) throw refused(uri, "has no path behind its scheme");
  if (!URL.canParse(uri)) throw refused(uri, "has a malformed authority");
  return "private-use";
}

function webKind(uri: string, scheme: "http" | "https", authority: string): RedirectUriKind {
  if (!isCanonicalAuthority(scheme, authority) || authority !== authority.toLowerCase()) {
    throw refused(uri, "has a host that is malformed or not in its plain form");
  }
  const host = hostOf(authority);
  if (host.endsWith(".")) throw refused(uri, "has a host that ends in a dot");
  if (scheme === "https") return "https";
  if (!LOOPBACK_HOSTS.has(host)) throw refused(uri, "uses http beyond loopback; use https");
  return "loopback";
}

function hostOf(authority: string): string {
  return authority.replace(/:[0-9]+$/, "");
}

function refused(uri: string, why: string): OAuthError {
  return new OAuthError("redirect_uri_refused", {
    detail: `${quote(uri)} ${why}`,
    description: `The redirect URI ${why}.`,
  });
}

/**
 * Exact comparison, but the port of loopback URIs is free (RFC 8252 §7.3) and so is a single trailing slash of an empty loopback path.
 * `localhost` and `127.0.0.1` are different hosts. `registered` must have passed {@link validateRedirectUri}; that is not checked again.
 */
export function isRegisteredRedirectUri(registered: readonly string[], presented: string): boolean {
  if (registered.includes(presented)) return true;
  const wanted = withoutPort(presented);
  return wanted !== undefined && registered.some((uri) => withoutPort(uri) === wanted);
}

/** A loopback URI with its port taken out and an empty path written as `/`; `undefined` for everything else. */
function withoutPort(uri: string): string | undefined {
  const [match, host, port, path, query] = LOOPBACK.exec(uri) ?? [];
  if (match === undefined || Number(port ?? 80) > 65_535) return undefined;
  return `http://${host}/${path ?? query ?? ""}`;
}

/**
 * Where the answer goes, for the consent page: host (and port, if not the default) in ASCII as registered, punycode included, or the
 * scheme of a private-use URI with its colon. @throws OAuthError `redirect_uri_refused`.
 */
export function describeRedirectUri(uri: string): { readonly kind: RedirectUriKind; readonly destination: string } {
  const [, scheme = "", authority = ""] = PARTS.exec(uri) ?? [];
  const kind = validateRedirectUri(uri, { knownSchemes: [scheme] });
  return { kind, destination: kind === "private-use" ? `${scheme}:` : authority };
}
