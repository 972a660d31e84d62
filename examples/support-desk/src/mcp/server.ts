import { createMcpHandler } from "@modelcontextprotocol/server";
import { authInfoOf, createRemoteKeySet, createResourceServer, noLocalRecords, scopePolicy } from "@sallyport/auth";
import { createTokenExchanger } from "@sallyport/auth/client";
import { protect } from "@sallyport/auth/hono";
import { Hono } from "hono";
import { createCrmServer } from "./tools.js";

export const POLICY = scopePolicy({
  scopes: {
    "mcp:read": { allow: ["tools/search_*", "tools/get_*"] },
    "mcp:write": { allow: ["tools/add_*", "tools/update_*", "tools/issue_*"], includes: ["mcp:read"] },
  },
});

export interface CrmMcpOptions {
  /** URL of this MCP endpoint: the audience of the tokens that it takes. */
  readonly resource: string;
  readonly issuer: string;
  /** The CRM's API behind. */
  readonly api: string;
  /** This server as a client of the authorization server, for its exchanges. */
  readonly client: { readonly id: string; readonly secret: string };
}

/** The MCP server of the CRM: takes tokens made for it, and calls the API with exchanged ones only, narrowed to what the tool needs. */
export function createCrmMcp({ resource, issuer, api, client }: CrmMcpOptions): Hono {
  const exchanger = createTokenExchanger({
    token_endpoint: `${issuer}/token`,
    client: { client_id: client.id, client_secret: client.secret, method: "client_secret_basic" },
  });
  const mcp = createMcpHandler(({ authInfo }) => {
    if (authInfo === undefined) throw new TypeError("only protected calls come here");
    return createCrmServer((scope) => {
      const send = exchanger.fetch(authInfo, { resource: api, scope });
      return (path, init) => send(api + path, init);
    });
  });
  const app = new Hono();
  protect(app, {
    resourceServer: createResourceServer({
      resource,
      policy: POLICY,
      issuers: [{ issuer, keys: createRemoteKeySet(`${issuer}/jwks`) }],
      baseline: ["mcp:read"],
      isLive: noLocalRecords(POLICY.scopes),
      tokenExchange: true,
    }),
    handler: (request, who) => mcp.fetch(request, { authInfo: authInfoOf(who) }),
  });
  return app;
}
