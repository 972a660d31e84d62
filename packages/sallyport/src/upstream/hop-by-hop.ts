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

/** Headers without those of the connection, and without those that `Connection` names (RFC 9110 §7.6.1). Names are lower case. */
export function endToEndHeaders<Value extends string | string[]>(
  headers: Readonly<Record<string, Value | undefined>>,
): Record<string, Value> {
  const named = tokens(headers.connection);
  const kept: Record<string, Value> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined && !HOP_BY_HOP.has(name) && !named.has(name)) kept[name] = value;
  }
  return kept;
}

const NONE: ReadonlySet<string> = new Set();

function tokens(connection: string | readonly string[] | undefined): ReadonlySet<string> {
  if (connection === undefined || connection === "keep-alive" || connection === "close") return NONE;
  const list = typeof connection === "string" ? connection : connection.join(",");
  return new Set(list.split(",").map((token) => token.trim().toLowerCase()));
}
