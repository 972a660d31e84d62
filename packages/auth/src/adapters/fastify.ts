import type { FastifyInstance } from "fastify";
import { createEndpoint, type EndpointOptions } from "./endpoint.js";
import { pathOf, serveNode } from "./node-http.js";

/**
 * Serves a protected MCP endpoint and its metadata in a Fastify app, at the paths of the resource. The answers are written past Fastify's
 * replies, before it parses a body: its serialisers, and hooks registered after this call, do not see them.
 */
export function protect(app: Pick<FastifyInstance, "addHook">, options: EndpointOptions): void {
  const endpoint = createEndpoint(options);
  app.addHook("onRequest", (request, reply, done) => {
    if (!endpoint.owns(pathOf(request.raw))) return done();
    reply.hijack();
    void serveNode(request.raw, reply.raw, endpoint);
  });
}
