import { serve } from "@hono/node-server";
import { createMcpHandler } from "@modelcontextprotocol/server";
import { authInfoOf, createRemoteKeySet, createResourceServer, noLocalRecords } from "@sallyport/auth";
import { protect } from "@sallyport/auth/hono";
import { Hono } from "hono";
import { createNotesServer, placeOf, policy, sayWhere } from "./notes.js";

const issuer = process.env.ISSUER ?? "https://auth.example.com";
const resource = process.env.RESOURCE ?? "http://localhost:3000/mcp";
const mcp = createMcpHandler(createNotesServer);
const app = new Hono();
protect(app, {
  resourceServer: createResourceServer({
    resource,
    policy,
    issuers: [{ issuer, keys: createRemoteKeySet(`${issuer}/jwks`) }],
    baseline: ["notes:read"],
    isLive: noLocalRecords(policy.scopes),
  }),
  handler: (request, who) => mcp.fetch(request, { authInfo: authInfoOf(who) }),
});
app.get("/", (context) => context.text("notes"));

export const server = serve({ fetch: app.fetch, ...placeOf(resource) }, sayWhere(resource));
