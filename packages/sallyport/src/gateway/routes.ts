import type { IncomingMessage, ServerResponse } from "node:http";
import type { ResourceServer } from "@sallyport/auth";
import type { GatewayServer } from "./contract.js";

/** Answers one request, raw: never a `Request`/`Response` pair. */
export type RawHandler = (request: IncomingMessage, response: ServerResponse) => void;

const WELL_KNOWN = "/.well-known/oauth-protected-resource";

/**
 * Path → who answers. Everything here is compared exactly; every other path belongs to the web application.
 *
 * | path | answer |
 * |---|---|
 * | of each resource | its MCP endpoint |
 * | RFC 9728 §3.1: the well-known segment inserted before that path | its metadata |
 * | the well-known segment alone | the same, where one server is installed; its `resource` would not match otherwise |
 * | `/healthz`, `/readyz` | for whoever starts, stops and balances processes; by no host name, since they call an address |
 * @throws TypeError for two servers at one path.
 */
export function createRoutes(
  servers: readonly GatewayServer[],
  endpointOf: (server: GatewayServer) => RawHandler,
  ready: () => boolean,
): ReadonlyMap<string, RawHandler> {
  const routes = new Map<string, RawHandler>([
    ["/healthz", createProbe(() => true)],
    ["/readyz", createProbe(ready)],
  ]);
  const add = (path: string, handler: RawHandler) => {
    if (routes.has(path)) throw new TypeError(`two servers are served at ${JSON.stringify(path)}`);
    routes.set(path, handler);
  };
  for (const server of servers) {
    const { resourceServer } = server;
    const metadata = createMetadataHandler(resourceServer);
    add(new URL(resourceServer.resource).pathname, endpointOf(server));
    add(new URL(resourceServer.metadataUrl).pathname, metadata);
    if (servers.length === 1 && !routes.has(WELL_KNOWN)) add(WELL_KNOWN, metadata);
  }
  return routes;
}

/** One word without a reason: whoever asks here may be anybody. The reasons are at the address of the metrics. */
function createProbe(well: () => boolean): RawHandler {
  return ({ method }, response) => {
    if (method !== "GET" && method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD", "content-length": 0 }).end();
      return;
    }
    const ok = well();
    const body = ok ? "ok\n" : "unavailable\n";
    const headers = { "content-type": "text/plain", "content-length": body.length, "cache-control": "no-store" };
    response.writeHead(ok ? 200 : 503, ok ? headers : { ...headers, "retry-after": "1" });
    response.end(method === "HEAD" ? undefined : body);
  };
}

const CORS = { "access-control-allow-origin": "*" };
const METHODS = "GET, HEAD, OPTIONS";

/** RFC 9728 §3.2: public, for every origin, without credentials. Browser clients preflight it because of `MCP-Protocol-Version`. */
function createMetadataHandler(resourceServer: ResourceServer): RawHandler {
  // Made for each question: the baseline may change while the gateway runs.
  const document = () => Buffer.from(JSON.stringify(resourceServer.metadata()));
  const found = (body: Buffer) => ({
    ...CORS,
    "content-type": "application/json",
    "content-length": body.length,
    "cache-control": "public, max-age=300",
  });
  const preflight = {
    ...CORS,
    "access-control-allow-methods": METHODS,
    "access-control-allow-headers": "mcp-protocol-version, accept, content-type",
    "access-control-max-age": "600",
  };
  return ({ method }, response) => {
    if (method === "OPTIONS") response.writeHead(204, preflight).end();
    else if (method === "GET") {
      const body = document();
      response.writeHead(200, found(body)).end(body);
    } else if (method === "HEAD") response.writeHead(200, found(document())).end();
    else response.writeHead(405, { ...CORS, allow: METHODS, "content-length": 0 }).end();
  };
}
