import type { Hono } from "hono";
import { createEndpoint, type EndpointOptions } from "./endpoint.js";

/**
 * Serves a protected MCP endpoint and its metadata in a Hono app, at the paths of the resource, on every runtime that Hono runs on.
 * Call it before middleware that reads bodies.
 */
export function protect(app: Pick<Hono, "use">, options: EndpointOptions): void {
  const { owns, handle } = createEndpoint(options);
  app.use("*", (context, next) => (owns(new URL(context.req.url).pathname) ? handle(context.req.raw) : next()));
}
