import type { ResourceServer } from "./contract.js";

const PUBLIC = { "access-control-allow-origin": "*", "cache-control": "public, max-age=300" } as const;

/**
 * Answers for the protected resource metadata (RFC 9728 §3): GET, HEAD and preflights of any origin, since the document is public.
 * `undefined` when the request is for another path.
 */
export function answerMetadata(resourceServer: ResourceServer, request: Request): Response | undefined {
  const wanted = new URL(resourceServer.metadataUrl);
  const { pathname, search } = new URL(request.url);
  if (pathname !== wanted.pathname || (wanted.search !== "" && search !== wanted.search)) return undefined;
  switch (request.method) {
    case "GET":
    case "HEAD":
      return new Response(request.method === "HEAD" ? null : JSON.stringify(resourceServer.metadata()), {
        headers: { ...PUBLIC, "content-type": "application/json" },
      });
    case "OPTIONS":
      return new Response(null, {
        status: 204,
        headers: {
          ...PUBLIC,
          "access-control-allow-methods": "GET, HEAD",
          "access-control-allow-headers": "mcp-protocol-version",
        },
      });
    default:
      return new Response(null, { status: 405, headers: { allow: "GET, HEAD, OPTIONS" } });
  }
}
