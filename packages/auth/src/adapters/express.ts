import type { Application, RequestHandler } from "express";
import type { ProtectedApi } from "../resource-server/protected-api.js";
import { createEndpoint, type EndpointOptions } from "./endpoint.js";
import { authenticateNode } from "./node-api.js";
import { pathOf, serveNode } from "./node-http.js";

/**
 * Serves a protected MCP endpoint and its metadata in an Express app, at the paths of the resource.
 * Call it before `express.json()` and other body parsers: what is judged are the bytes that came.
 */
export function protect(app: Pick<Application, "use">, options: EndpointOptions): void {
  const endpoint = createEndpoint(options);
  app.use((req, res, next) => (endpoint.owns(pathOf(req)) ? void serveNode(req, res, endpoint) : next()));
}

/**
 * Middleware for routes of a plain API: `app.get("/customers/:id", guard(api, ["crm:read"]), (req, res) => … res.locals.caller …)`.
 * Requests without a token that holds all of `scopes` end here, with the challenge.
 */
export function guard(api: ProtectedApi, scopes: readonly string[]): RequestHandler {
  return (req, res, next) => {
    authenticateNode({ req, res }, api, scopes).then((caller) => {
      if (caller === undefined) return;
      res.locals.caller = caller;
      next();
    }, next);
  };
}
