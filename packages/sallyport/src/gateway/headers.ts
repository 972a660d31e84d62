import type { IncomingMessage } from "node:http";
import type { HeaderLookup } from "@sallyport/auth";

/*
 * Headers are allow-lists, both ways (design: headers are allow-lists). What is not named here stops at the gateway: the caller's token
 * and cookies, identity headers a caller could forge, an upstream's cookies, challenges and CORS headers.
 */

/** To the upstream, besides `mcp-*` and what the operator lists. */
const FORWARDED = ["accept", "content-type", "traceparent", "tracestate"];

/** Read by the gateway and set anew from what it opened. */
const REWRITTEN = new Set(["mcp-session-id", "last-event-id"]);

/** Never forwarded, whatever the configuration says: credentials, framing, hop-by-hop (RFC 9110 §7.6.1) and what names the peer. */
const NEVER = new Set([
  ...["authorization", "cookie", "dpop", "host", "proxy-authorization", "accept-encoding", "expect", "origin"],
  ...["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"],
  ...["content-length", "content-encoding"],
]);

/** To the client. `content-length` and the session id are set by the one who writes the answer. */
const RETURNED = ["content-type", "mcp-protocol-version", "retry-after", "allow", "x-accel-buffering"];

/** Validates the operator's additions once. @throws TypeError naming those that may never be forwarded. */
export function createForwardedNames(extra: readonly string[] = []): ReadonlySet<string> {
  const names = extra.map((name) => name.toLowerCase());
  const refused = names.filter(
    (name) => NEVER.has(name) || REWRITTEN.has(name) || !/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name),
  );
  if (refused.length > 0) throw new TypeError(`forwardHeaders: ${refused.join(", ")} cannot be forwarded`);
  return new Set([...FORWARDED, ...names]);
}

/** The headers that go on, lower case. */
export function forwardedHeaders(
  headers: IncomingMessage["headers"],
  names: ReadonlySet<string>,
): Record<string, string> {
  const forwarded: Record<string, string> = {};
  for (const name in headers) {
    if (!names.has(name) && !(name.startsWith("mcp-") && name !== "mcp-session-id")) continue;
    const value = headers[name];
    if (typeof value === "string") forwarded[name] = value;
    else if (value !== undefined) forwarded[name] = value.join(", ");
  }
  return forwarded;
}

/** The headers that come back, as `writeHead` takes them. */
export function returnedHeaders(headers: Readonly<Record<string, string | readonly string[]>>): Record<string, string> {
  const returned: Record<string, string> = {};
  for (const name of RETURNED) {
    const value = headers[name];
    if (typeof value === "string") returned[name] = value;
  }
  return returned;
}

/**
 * Looks headers up so that repetition is seen: `node:http` keeps the first of a repeated `Authorization` and joins others, and a reader
 * that must refuse repetition would not notice. The distinct form is only built when some name came twice.
 */
export function createHeaderLookup(request: IncomingMessage): HeaderLookup {
  const { headers, rawHeaders } = request;
  let names = 0;
  for (const _ in headers) names += 1;
  if (names * 2 === rawHeaders.length) return (name) => headers[name] as string | undefined;
  const distinct = request.headersDistinct;
  return (name) => {
    const values = distinct[name];
    return values?.length === 1 ? values[0] : values;
  };
}
