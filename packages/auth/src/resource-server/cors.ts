import type { OriginPolicy } from "./origin.js";

/** Request headers that a page may send besides the `Mcp-*` ones that it asks for. */
const ALLOWED_HEADERS =
  "authorization, content-type, accept, dpop, last-event-id, mcp-protocol-version, mcp-session-id";
/** What a page may read: the challenge, and the session it was given. */
const EXPOSED_HEADERS = "WWW-Authenticate, Mcp-Session-Id, DPoP-Nonce, Retry-After";
const MAX_AGE_SECONDS = "600";

/** CORS headers of an MCP endpoint's answer to an allowed origin (Fetch §3.2). Never with credentials: a token is not ambient. */
export function corsHeaders(origins: OriginPolicy, origin: string | null): Readonly<Record<string, string>> {
  if (origin === null || !origins.isAllowedOrigin(origin)) return {};
  return { "access-control-allow-origin": origin, "access-control-expose-headers": EXPOSED_HEADERS, vary: "Origin" };
}

/** The answer to a preflight, for an origin that {@link OriginPolicy.judge} has let through. */
export function answerPreflight(request: Request, methods: string): Response {
  const asked = (request.headers.get("access-control-request-headers") ?? "").toLowerCase().split(",");
  const ofMcp = asked.map((name) => name.trim()).filter((name) => /^mcp-[a-z0-9_-]{1,64}$/.test(name));
  return new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-methods": methods,
      "access-control-allow-headers": [ALLOWED_HEADERS, ...ofMcp].join(", "),
      "access-control-max-age": MAX_AGE_SECONDS,
    },
  });
}
