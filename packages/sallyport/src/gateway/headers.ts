import type { IncomingMessage } from "node:http";
import type { HeaderLookup } from "@sallyport/auth";

/*
 * Headers are allow-lists, both ways (design: headers are allow-lists). What is not named here stops at the gateway: the caller's token
 * and cookies, identity headers a caller could forge, an upstream's cookies, challenges and CORS headers.
 */

/** To the upstream, besides `mcp-*` and what the operator lists. Session and event ids are opened by the one who sends. */
const FORWARDED = ["accept", "content-type", "traceparent", "tracestate"];

/** Never forwarded, whatever the configuration says: credentials, framing, hop-by-hop (RFC 9110 §7.6.1) and what is set anew. */
const NEVER = new Set([
  ...["authorization", "cookie", "dpop", "host", "proxy-authorization", "accept-encoding", "expect", "origin"],
  ...["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"],
  ...["content-length", "content-encoding", "mcp-session-id", "last-event-id"],
]);

/** To the client. Length and session id are set by the one who writes the answer. */
const RETURNED = ["content-type", "mcp-protocol-version", "retry-after", "allow", "x-accel-buffering"];

/** Validates the operator's additions once. @throws TypeError naming those that may never be forwarded. */
export function createForwardedNames(extra: readonly string[] = []): ReadonlySet<string> {
  const names = extra.map((name) => name.toLowerCase());
  const refused = names.filter((name) => NEVER.has(name) || !/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name));
  if (refused.length > 0) throw new TypeError(`forwardHeaders: ${refused.join(", ")} cannot be forwarded`);
  return new Set([...FORWARDED, ...names]);
}

/** The headers of one request, read once. Names in lower case, each once. */
export interface ReceivedHeaders {
  readonly names: readonly string[];
  /** Repeated headers come as an array: a reader that must refuse repetition sees it. */
  readonly lookup: HeaderLookup;
}

/**
 * `node:http` keeps the first of a repeated `Authorization` and joins others, which would hide a repetition. The form that shows it is only
 * made when some name came twice.
 */
export function readHeaders(request: IncomingMessage): ReceivedHeaders {
  const { headers } = request;
  const names = Object.keys(headers);
  if (names.length * 2 === request.rawHeaders.length) {
    return { names, lookup: (name) => headers[name] as string | undefined };
  }
  const distinct = request.headersDistinct;
  const lookup: HeaderLookup = (name) => {
    const values = distinct[name];
    return values?.length === 1 ? values[0] : values;
  };
  return { names: Object.keys(distinct), lookup };
}

/** The headers that go on, lower case. A repeated one is one list (RFC 9110 §5.3). */
export function forwardedHeaders(received: ReceivedHeaders, allowed: ReadonlySet<string>): Record<string, string> {
  const forwarded: Record<string, string> = {};
  for (const name of received.names) {
    if (!allowed.has(name) && !(name.startsWith("mcp-") && !NEVER.has(name))) continue;
    const value = received.lookup(name);
    if (value !== undefined) forwarded[name] = typeof value === "string" ? value : value.join(", ");
  }
  return forwarded;
}

/** RFC 9110 §5.5 without obs-text, which `writeHead` would refuse in the middle of an answer. */
const PLAIN_VALUE = /^[\t\x20-\x7e]*$/;

/** The headers that come back, as `writeHead` takes them. */
export function returnedHeaders(headers: Readonly<Record<string, string | readonly string[]>>): Record<string, string> {
  const returned: Record<string, string> = {};
  for (const name of RETURNED) {
    const value = headers[name];
    if (typeof value === "string" && PLAIN_VALUE.test(value)) returned[name] = value;
  }
  return returned;
}
