import { createMcpHandler } from "@modelcontextprotocol/server";
import { authInfoOf, createRemoteKeySet, createResourceServer, noLocalRecords } from "@sallyport/auth";
import { protect } from "@sallyport/auth/fastify";
import { fastify } from "fastify";
import { createNotesServer, policy, sayWhere } from "./notes.js";

const issuer = process.env.ISSUER ?? "https://auth.example.com";
const resource = process.env.RESOURCE ?? "http://localhost:3000/mcp";
const mcp = createMcpHandler(createNotesServer);
const app = fastify();
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
app.get("/", () => "notes");

export const { server } = app;
await app.listen({ port: Number(new URL(resource).port), host: "127.0.0.1" }).then(sayWhere(resource));
