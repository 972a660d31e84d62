import { type HeaderLookup, McpError, type ResourceServer } from "@sallyport/auth";

export interface CorsRules {
  /** The CORS headers of every answer. @throws McpError 403 for a foreign origin or host. */
  check(header: HeaderLookup): Readonly<Record<string, string>>;
  preflight(header: HeaderLookup): Readonly<Record<string, string>>;
}

const NONE: Readonly<Record<string, string>> = {};

/** Request headers a page may send besides `Mcp-*`. */
const ALLOWED = ["authorization", "content-type", "accept", "dpop", "last-event-id", "traceparent", "tracestate"];

/** What a page may read: the challenge and the session it was given. Credentials (cookies) are never allowed. */
const EXPOSED = "WWW-Authenticate, Mcp-Session-Id, Mcp-Protocol-Version, DPoP-Nonce, Retry-After";

/** Origin, Host and CORS of one MCP endpoint (Fetch §3.2). */
export function createCors({ origins }: ResourceServer): CorsRules {
  const check: CorsRules["check"] = (header) => {
    const origin = header("origin");
    const host = header("host");
    const verdict = origins.judge(one(origin), typeof host === "string" ? host : undefined);
    if (verdict !== "ok") {
      const message = verdict === "foreign_host" ? "This host name is not served here" : "This origin may not call";
      throw new McpError(403, -32000, message, { reason: verdict });
    }
    if (typeof origin !== "string") return NONE;
    return { "access-control-allow-origin": origin, "access-control-expose-headers": EXPOSED, vary: "Origin" };
  };
  return {
    check,
    preflight: (header) => ({
      ...check(header),
      "access-control-allow-methods": "POST, GET, DELETE",
      "access-control-allow-headers": allowedHeaders(header("access-control-request-headers")).join(", "),
      "access-control-max-age": "600",
    }),
  };
}

/** Two origins are nobody's origin. */
function one(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" || value === undefined ? value : "null";
}

/** The fixed names, and those `Mcp-*` that the page asks for (`Mcp-Param-*` are the tool's own). */
function allowedHeaders(requested: string | readonly string[] | undefined): readonly string[] {
  const asked = typeof requested === "string" ? requested.toLowerCase().split(",") : [];
  const ofMcp = asked.map((name) => name.trim()).filter((name) => /^mcp-[a-z0-9_-]{1,64}$/.test(name));
  return [...new Set([...ALLOWED, "mcp-protocol-version", "mcp-session-id", ...ofMcp])];
}
