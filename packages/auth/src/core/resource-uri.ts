import { decodeFully, hasControlOrBackslash, hasDotSegment } from "./uri-text.js";

const ABSOLUTE = /^([A-Za-z][A-Za-z0-9+.-]*):(?:\/\/([^/?#]*))?(.*)$/s;
/** `%23 %25 %2F %3F` must stay encoded, because `# % / ?` would mean something else. */
const KEPT = /%(?:2[35f]|3f)/gi;
const DECODABLE = /(?:%(?!2[35f]|3f)[0-9a-f]{2})+/gi;
const SPECIAL = new Set(["http", "https", "ws", "wss", "ftp"]);
/** Longest URI that is looked at, in UTF-16 units. */
const MAX_LENGTH = 8192;

/**
 * The form under which an MCP resource URI is matched by globs. Scheme and host in lower case; everything percent-encoded that could as well
 * be raw is decoded, so that `M%C3%BCller`, `%40` and `%7E` cannot walk around a rule; `%23 %25 %2F %3F` stay, in upper case. For http(s),
 * ws(s) and ftp the host is what a URL parser makes of it, without default port; `file:/x` and `file://localhost/x` become `file:///x`.
 * `undefined` = refused: not an absolute URI, dot segments (also encoded, also several times), control characters, backslashes, white space
 * at an end, broken encoding, user information in a web URL, empty segments and encoded slashes in a file path, more than 8,192 characters.
 * Not checked: whether the upstream tells apart letter case, Unicode normal forms, or `%2F` and `/` in schemes other than `file`.
 */
export function normaliseResourceUri(uri: string): string | undefined {
  if (uri.length > MAX_LENGTH || uri !== uri.trim() || hasControlOrBackslash(uri)) return undefined;
  const decoded = decodeFully(uri);
  if (decoded === undefined || hasControlOrBackslash(decoded)) return undefined;
  const [, scheme, authority, rest] = ABSOLUTE.exec(uri) ?? [];
  if (scheme === undefined || rest === undefined || (authority === undefined && rest === "")) return undefined;
  if (hasDotSegment(decoded.slice(scheme.length + 1))) return undefined;
  const parts = { scheme: scheme.toLowerCase(), authority, rest: undoEncoding(rest) };
  if (SPECIAL.has(parts.scheme)) return webUri(parts);
  if (parts.scheme === "file") return fileUri(parts);
  const host = authority === undefined ? "" : `//${undoEncoding(authority).toLowerCase()}`;
  return `${parts.scheme}:${host}${parts.rest}`;
}

interface UriParts {
  readonly scheme: string;
  readonly authority: string | undefined;
  readonly rest: string;
}

function webUri({ scheme, authority, rest }: UriParts): string | undefined {
  if (authority === undefined || authority === "" || authority.includes("@")) return undefined;
  const base = `${scheme}://${authority}`;
  if (!URL.canParse(base)) return undefined;
  return `${scheme}://${new URL(base).host}${rest.startsWith("/") ? "" : "/"}${rest}`;
}

/** RFC 8089 §2: file systems fold empty segments, and decode a slash before they look. */
function fileUri({ authority = "", rest }: UriParts): string | undefined {
  const host = authority.toLowerCase() === "localhost" ? "" : authority.toLowerCase();
  if (!rest.startsWith("/") || rest.includes("//") || rest.includes("%2F")) return undefined;
  return `file://${host}${rest}`;
}

function undoEncoding(text: string): string {
  if (!text.includes("%")) return text;
  return text.replace(DECODABLE, decodeURIComponent).replace(KEPT, (encoded) => encoded.toUpperCase());
}

/**
 * The same form for the URI part of a policy's glob, so that `Demo://Host/**` in a configuration means what its author meant:
 * scheme and host in lower case, encoding undone. Stars stay what they are; a pattern without scheme is returned as it is.
 */
export function normaliseResourcePattern(pattern: string): string {
  const [, scheme, authority, rest] = ABSOLUTE.exec(pattern) ?? [];
  if (scheme === undefined || rest === undefined) return pattern;
  const host = authority === undefined ? "" : `//${undoEncoding(authority).toLowerCase()}`;
  return `${scheme.toLowerCase()}:${host}${undoEncoding(rest)}`;
}
