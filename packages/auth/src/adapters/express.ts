import type { Application } from "express";
import { createEndpoint, type EndpointOptions } from "./endpoint.js";
import { pathOf, serveNode } from "./node-http.js";

/**
 * Serves a protected MCP endpoint and its metadata in an Express app, at the paths of the resource.
 * Call it before `express.json()` and other body parsers: what is judged are the bytes that came.
 */
export function protect(app: Pick<Application, "use">, options: EndpointOptions): void {
  const endpoint = createEndpoint(options);
  app.use((req, res, next) => (endpoint.owns(pathOf(req)) ? void serveNode(req, res, endpoint) : next()));
}
