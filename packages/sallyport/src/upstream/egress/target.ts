/** Where a request of a child wants to go, below the origin. */
export interface EgressTarget {
  /** The decoded path, for the allow-list: what the other system will understand. */
  readonly path: string;
  /** Path and query as they were written; these go on. */
  readonly raw: string;
}

/** RFC 3986 §3.3 (`pchar`) and §3.4. Nothing else may stand in a request target, though parsers differ in what they let through. */
const SEGMENT = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})*$/;
const QUERY = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?[\]|^`{}"<>\\]|%[0-9A-Fa-f]{2})*$/;

/**
 * Reads the part of a request target behind the child's own path. `undefined` for everything that two parsers could read as two different
 * paths: dot segments (also encoded, encoded twice, or with parameters as in `..;x`), encoded slashes and backslashes, empty segments but
 * the last, control characters, and what is no UTF-8.
 */
export function parseEgressTarget(text: string): EgressTarget | undefined {
  const mark = text.indexOf("?");
  const rawPath = mark === -1 ? text : text.slice(0, mark);
  const query = mark === -1 ? undefined : text.slice(mark + 1);
  if (rawPath !== "" && !rawPath.startsWith("/")) return undefined;
  if (query !== undefined && !QUERY.test(query)) return undefined;
  const segments = rawPath.split("/").slice(1);
  const decoded: string[] = [];
  for (const [index, segment] of segments.entries()) {
    if (segment === "" && index < segments.length - 1) return undefined;
    const plain = decodeSegment(segment);
    if (plain === undefined) return undefined;
    decoded.push(plain);
  }
  const path = rawPath === "" ? "/" : rawPath;
  return { path: `/${decoded.join("/")}`, raw: query === undefined ? path : `${path}?${query}` };
}

function decodeSegment(segment: string): string | undefined {
  if (!SEGMENT.test(segment)) return undefined;
  let plain: string;
  try {
    plain = decodeURIComponent(segment);
  } catch {
    return undefined;
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  if (/[/\\\x00-\x1f\x7f]|%[0-9A-Fa-f]{2}/.test(plain)) return undefined;
  const [name = ""] = plain.split(";");
  return name.trim() === "." || name.trim() === ".." || (name === "" && plain !== "") ? undefined : plain;
}
