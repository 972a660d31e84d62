/** RFC 9110 §7.6.1: these speak of one connection only and never go on. `content-length` is counted anew by whoever writes the body. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-authentication-info",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Whether the header goes on; `named` are the names of {@link namesOfConnection}. Names are lower case. */
export function isEndToEnd(name: string, named: ReadonlySet<string>): boolean {
  return !HOP_BY_HOP.has(name) && !named.has(name);
}

/** Headers without those of the connection, and without those that `Connection` names (RFC 9110 §7.6.1). Names are lower case. */
export function endToEndHeaders<Value extends string | string[]>(
  headers: Readonly<Record<string, Value | undefined>>,
): Record<string, Value> {
  const named = namesOfConnection(headers.connection);
  const kept: Record<string, Value> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined && isEndToEnd(name, named)) kept[name] = value;
  }
  return kept;
}

const NONE: ReadonlySet<string> = new Set();

/** The headers that `Connection` names besides its own words. */
export function namesOfConnection(connection: string | readonly string[] | undefined): ReadonlySet<string> {
  if (connection === undefined || connection === "keep-alive" || connection === "close") return NONE;
  const list = typeof connection === "string" ? connection : connection.join(",");
  return new Set(list.split(",").map((token) => token.trim().toLowerCase()));
}
