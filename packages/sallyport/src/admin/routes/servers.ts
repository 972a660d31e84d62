import { z } from "zod";
import type { AdminParts, AdminServer, AdminTool } from "../contract.js";
import { AdminRefusal, type Route, route } from "../route.js";
import { serverShape, toolShape } from "../schemas.js";

const statusShape = z
  .object({
    version: z.string(),
    issuer: z.string(),
    now: z.int().describe("Seconds since 1970, by the server's clock."),
  })
  .meta({ id: "Status" });

export const SERVER_ROUTES: readonly Route[] = [
  route({
    method: "GET",
    path: "/v1/status",
    name: "showStatus",
    summary: "Which program answers.",
    answer: statusShape,
    handle: async ({ version, issuer, system }) => ({ version, issuer, now: system.now() }),
  }),
  route({
    method: "GET",
    path: "/v1/servers",
    name: "listServers",
    summary: "The protected servers.",
    answer: z.object({ servers: z.array(serverShape) }),
    handle: async ({ servers }) => ({ servers: servers().map(describe) }),
  }),
  route({
    method: "GET",
    path: "/v1/servers/{server}/tools",
    name: "listTools",
    summary: "The tools that are known of a server, and those whose definition changed and waits to be accepted.",
    answer: z.object({ tools: z.array(toolShape) }),
    refusals: ["not_found"],
    handle: async (parts, { params }) => ({ tools: findServer(parts, params.server).tools().map(toolOf) }),
  }),
  route({
    method: "POST",
    path: "/v1/servers/{server}/tools/{tool}/accept",
    name: "acceptTool",
    summary:
      "Takes the definition of a tool that was last seen as the right one. `sallyport tools diff` shows what changed.",
    answer: toolShape,
    refusals: ["not_found"],
    handle: async (parts, { params }) => {
      const server = findServer(parts, params.server);
      const find = () => {
        const tool = server.tools().find(({ tool }) => tool === params.tool);
        if (tool !== undefined) return tool;
        throw new AdminRefusal("not_found", `${server.name} has no tool ${JSON.stringify(params.tool)}.`);
      };
      if (find().changed) await server.accept(find().tool);
      return toolOf(find());
    },
  }),
];

export function findServer({ servers }: Pick<AdminParts, "servers">, name: string | undefined): AdminServer {
  const known = servers();
  const server = known.find((candidate) => candidate.name === name);
  if (server !== undefined) return server;
  const names = known.map((one) => one.name).join(", ");
  throw new AdminRefusal("not_found", `There is no server ${JSON.stringify(name)}; there are: ${names}.`);
}

function describe({ name, resource, scopes, issuers, tools }: AdminServer) {
  const known = tools();
  const waiting = known.filter(({ changed }) => changed).length;
  return { name, resource, scopes: [...scopes], issuers: [...issuers], tools: known.length, waiting };
}

function toolOf({ tool, scope, frozenScope, changed }: AdminTool) {
  return { tool, scope, frozen_scope: frozenScope, changed };
}
