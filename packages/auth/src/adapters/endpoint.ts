import type { ResourceServer } from "../resource-server/contract.js";
import { type McpHandler, type ProtectMcpOptions, protectMcp } from "../resource-server/protect-mcp.js";
import { type Log, system } from "../system.js";

/** What every adapter's `protect` takes. */
export interface EndpointOptions extends ProtectMcpOptions {
  readonly resourceServer: ResourceServer;
  /** What stands behind: it gets the very bytes that were judged, and who sent them. */
  readonly handler: McpHandler;
}

/** A protected MCP endpoint as a framework mounts it: which requests are its own, and their answers. */
export interface Endpoint {
  /** Scheme and host that requests are read under: from the resource, never from a request's headers. */
  readonly origin: string;
  /** Exactly the resource's path and the path of its metadata; everything else stays the framework's. */
  owns(path: string): boolean;
  handle(request: Request): Promise<Response>;
  readonly log: Log;
}

export function createEndpoint(options: EndpointOptions): Endpoint {
  const { resourceServer, handler } = options;
  const paths = new Set([new URL(resourceServer.resource).pathname, new URL(resourceServer.metadataUrl).pathname]);
  const protect = protectMcp(resourceServer, options);
  return {
    origin: new URL(resourceServer.resource).origin,
    owns: (path) => paths.has(path),
    handle: (request) => protect(request, handler),
    log: (options.system ?? system).log,
  };
}
