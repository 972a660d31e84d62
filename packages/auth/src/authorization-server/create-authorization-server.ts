import { OAuthError } from "../core/oauth-error.js";
import type { AuthorizationServer, AuthorizationServerOptions } from "./contract.js";
import { type Reply, runSteps, type Start } from "./pipeline.js";
import { refuseAsJson } from "./refusals.js";
import { PlainAnswer } from "./responses.js";
import { type Route, routesOf } from "./routes.js";
import { createServer } from "./server.js";
import { refuseGuess } from "./steps/limit-guesses.js";

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
  const plain = new Set([...routes].filter(([, found]) => found.every(isForPrograms)).map(([path]) => path));
  return {
    issuer: server.issuer,
    async handle(request) {
      const url = new URL(request.url);
      const found = routes.get(url.pathname);
      if (found === undefined) return undefined;
      const reply = await replyOf(found, { server, request, url });
      const response = reply instanceof PlainAnswer ? new Response(reply.body, reply) : reply;
      return request.method === "HEAD" ? new Response(null, response) : response;
    },
    answer(request) {
      const url = placeOf(request.url);
      const found = plain.has(url.pathname) ? routes.get(url.pathname) : undefined;
      return found && (replyOf(found, { server, request, url }) as Promise<PlainAnswer>);
    },
  };
}

/** Nothing of the rest is looked at, and an unusual spelling of a path is another path. */
function placeOf(url: string): Start["url"] {
  const [, pathname = "/", search = ""] = /^[a-z]+:\/\/[^/?#]*([^?#]*)(\?[^#]*)?/.exec(url) ?? [];
  return { pathname, search };
}

/** Those that refuse in JSON answer in it too. */
function isForPrograms({ refuse }: Route): boolean {
  return refuse === refuseAsJson || refuse === refuseGuess;
}

async function replyOf(found: readonly Route[], start: Start): Promise<Reply> {
  const { request } = start;
  const cors = found.some((route) => route.cors);
  if (request.method === "OPTIONS" && cors) return preflight(found);
  // Only documents have a HEAD: nobody looks at a page that way, and looking must not answer an authorization request.
  const method = request.method === "HEAD" && cors ? "GET" : request.method;
  const route = found.find((each) => each.method === method);
  if (route === undefined) {
    const allow = { allow: found.map((each) => each.method).join(", ") };
    return refuseAsJson(new OAuthError("method_not_allowed"), start).with(cors ? { ...allow, ...CORS } : allow);
  }
  const reply = await runSteps(route.steps, start, route.refuse);
  return cors && reply instanceof PlainAnswer ? reply.with(CORS) : reply;
}

/** No credentials, any origin: what these endpoints answer depends on nothing that a browser adds by itself. */
const CORS = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "dpop-nonce, retry-after, www-authenticate",
};

function preflight(routes: readonly Route[]): PlainAnswer {
  const headers = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": [...routes.map(({ method }) => method), "OPTIONS"].join(", "),
    "access-control-allow-headers": "authorization, content-type, mcp-protocol-version, dpop",
    "access-control-max-age": "600",
  };
  return new PlainAnswer(204, headers, null);
}
