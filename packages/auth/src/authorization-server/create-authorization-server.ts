import { OAuthError } from "../core/oauth-error.js";
import type { AuthorizationServer, AuthorizationServerOptions } from "./contract.js";
import { runSteps } from "./pipeline.js";
import { refuseAsJson } from "./refusals.js";
import { type Route, routesOf } from "./routes.js";
import { createServer } from "./server.js";

/**
 * An OAuth 2.1 authorization server for MCP: code with PKCE, refresh, dynamic registration, client ID metadata documents, consent pages,
 * revocation. `Request` in, `Response` out; signing in, entitlements and storage are the caller's.
 * Does NOT limit the rate of requests (but for registrations) and does NOT check the Host header: the listener does.
 * @throws TypeError naming every option that cannot be used
 */
export function createAuthorizationServer(options: AuthorizationServerOptions): AuthorizationServer {
  const server = createServer(options);
  const routes = new Map<string, Route[]>();
  for (const route of routesOf(server)) routes.set(route.path, [...(routes.get(route.path) ?? []), route]);
  return {
    issuer: server.issuer,
    async handle(request) {
      const url = new URL(request.url);
      const found = routes.get(url.pathname);
      if (found === undefined) return undefined;
      const start = { server, request, url };
      const cors = found.some((route) => route.cors);
      if (request.method === "OPTIONS" && cors) return preflight(found);
      // Only documents have a HEAD: nobody looks at a page that way, and looking must not answer an authorization request.
      const method = request.method === "HEAD" && cors ? "GET" : request.method;
      const route = found.find((each) => each.method === method);
      const response = route ? await runSteps(route.steps, start, route.refuse) : refuseAsJson(wrongMethod(), start);
      if (route === undefined) response.headers.set("allow", found.map((each) => each.method).join(", "));
      if (cors) {
        response.headers.set("access-control-allow-origin", "*");
        response.headers.set("access-control-expose-headers", "dpop-nonce, retry-after, www-authenticate");
      }
      return request.method === "HEAD" ? new Response(null, response) : response;
    },
  };
}

/** No credentials, any origin: what these endpoints answer depends on nothing that a browser adds by itself. */
function preflight(routes: readonly Route[]): Response {
  const headers = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": [...routes.map(({ method }) => method), "OPTIONS"].join(", "),
    "access-control-allow-headers": "authorization, content-type, mcp-protocol-version, dpop",
    "access-control-max-age": "600",
  };
  return new Response(null, { status: 204, headers });
}

function wrongMethod(): OAuthError {
  return new OAuthError("method_not_allowed");
}
