import { McpError } from "./mcp-error.js";
import { quote } from "./quote.js";

/** One value of a header, or `undefined`. Repeated headers come as an array; every reader refuses more than one value. */
export type HeaderLookup = (name: string) => string | readonly string[] | undefined;

/** Longest header value that is looked at, in characters. */
const MAX_HEADER_VALUE = 8192;
const HEADER_MISMATCH = -32020;

const SENTINEL_START = "=?base64?";
const SENTINEL_END = "?=";
/** RFC 4648 §4 with its padding. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The one value of a header without white space around it (RFC 9110 §5.5). @throws McpError -32020 for several or an over-long one. */
export function readHeader(header: HeaderLookup, name: string, id?: string | number): string | undefined {
  const found = header(name);
  if (typeof found === "object" && found.length > 1)
    throw mismatch(`The header ${quote(name)} was sent more than once.`, id);
  const value = typeof found === "object" ? found[0] : found;
  if (value !== undefined && value.length > MAX_HEADER_VALUE)
    throw mismatch(`The header ${quote(name)} is too long.`, id);
  return value === undefined ? undefined : trim(value);
}

const PADDED = /^[ \t]|[ \t]$/;

function trim(value: string): string {
  if (!PADDED.test(value)) return value;
  let end = value.length;
  while (end > 0 && (value[end - 1] === " " || value[end - 1] === "\t")) end--;
  return value.slice(0, end).replace(/^[ \t]+/, "");
}

/** SEP-2243: `=?base64?…?=` decoded, anything else as it is; `undefined` for broken base64 or UTF-8 inside. */
export function decodeHeaderValue(value: string): string | undefined {
  if (!value.startsWith(SENTINEL_START) || !value.endsWith(SENTINEL_END)) return value;
  const encoded = value.slice(SENTINEL_START.length, -SENTINEL_END.length);
  if (!BASE64.test(encoded)) return undefined;
  try {
    return UTF8.decode(Uint8Array.from(atob(encoded), (byte) => byte.charCodeAt(0)));
  } catch {
    return undefined;
  }
}

/** headers and body disagree, or a header that must be there is not. */
export function mismatch(message: string, id?: string | number): McpError {
  return new McpError(400, HEADER_MISMATCH, `Bad Request: ${message}`, id === undefined ? {} : { id });
}
