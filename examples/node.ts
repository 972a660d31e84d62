import { createServer } from "node:http";
import { createMcpHandler } from "@modelcontextprotocol/server";
import { authInfoOf, createRemoteKeySet, createResourceServer, noLocalRecords } from "@sallyport/auth";
import { protect } from "@sallyport/auth/node";
import { createNotesServer, policy, sayWhere } from "./notes.js";

const issuer = process.env.ISSUER ?? "https://auth.example.com";
const resource = process.env.RESOURCE ?? "http://localhost:3000/mcp";
const mcp = createMcpHandler(createNotesServer);
const listener = protect(
  {
    resourceServer: createResourceServer({
      resource,
      policy,
      issuers: [{ issuer, keys: createRemoteKeySet(`${issuer}/jwks`) }],
      baseline: ["notes:read"],
      isLive: noLocalRecords(policy.scopes),
    }),
    handler: (request, who) => mcp.fetch(request, { authInfo: authInfoOf(who) }),
  },
  (_req, res) => void res.end("notes"),
);

export const server = createServer(listener).listen(Number(new URL(resource).port), "127.0.0.1", sayWhere(resource));
