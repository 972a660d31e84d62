import type { Hono, MiddlewareHandler } from "hono";
import type { Authenticated } from "../resource-server/contract.js";
import type { ProtectedApi } from "../resource-server/protected-api.js";
import { createEndpoint, type EndpointOptions } from "./endpoint.js";

/**
 * Serves a protected MCP endpoint and its metadata in a Hono app, at the paths of the resource, on every runtime that Hono runs on.
 * Call it before middleware that reads bodies.
 */
export function protect(app: Pick<Hono, "use">, options: EndpointOptions): void {
  const { owns, handle } = createEndpoint(options);
  app.use("*", (context, next) => (owns(new URL(context.req.url).pathname) ? handle(context.req.raw) : next()));
}

/**
 * Middleware for routes of a plain API: `app.get("/customers/:id", guard(api, ["crm:read"]), (c) => … c.get("caller").principal …)`.
 * Requests without a token that holds all of `scopes` end here, with the challenge.
 */
export function guard(
  api: ProtectedApi,
  scopes: readonly string[],
): MiddlewareHandler<{ Variables: { caller: Authenticated } }> {
  return async (context, next) => {
    const caller = await api.authenticate(context.req.raw, scopes);
    if (caller instanceof Response) return caller;
    context.set("caller", caller);
    await next();
  };
}
