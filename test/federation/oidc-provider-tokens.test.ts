import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ForeignIdp, startForeignIdp } from "../../packages/sallyport/src/federation/testing/foreign-idp.js";
import { type Site, startSite } from "./site.js";

const GATEWAY = { id: "gateway", secret: "the gateway's own secret at the provider" } as const;
const AGENT = { id: "agent", secret: "the agent's own secret at the provider" } as const;
const basic = (id: string, secret: string) => `Basic ${btoa(`${id}:${encodeURIComponent(secret)}`)}`;

let idp: ForeignIdp;
let site: Site;

/* oidc-provider as the authorization server of two servers: RFC 9068 tokens for one, opaque ones for the other (R-21, RFC 7662). */
beforeAll(async () => {
  const clients = [GATEWAY, AGENT].map(({ id, secret }) => ({
    client_id: id,
    client_secret: secret,
    grant_types: ["client_credentials"],
    redirect_uris: [],
    response_types: [],
  }));
  idp = await startForeignIdp({
    redirectUris: ["https://unused.example/callback"],
    clients,
    configuration: {
      features: {
        clientCredentials: { enabled: true },
        introspection: { enabled: true },
        revocation: { enabled: true },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: (_, resource) => ({
            scope: "mcp:read mcp:write",
            audience: resource,
            accessTokenTTL: 600,
            ...(resource.endsWith("/signed")
              ? { accessTokenFormat: "jwt" as const, jwt: { sign: { alg: "RS256" as const } } }
              : { accessTokenFormat: "opaque" as const }),
          }),
        },
      },
    },
  });
  site = await startSite(`
servers:
  signed:
    upstream: UPSTREAM
    authorizationServers: [{ issuer: "${idp.issuer}" }]
    access: [{ users: ["${idp.issuer}|${AGENT.id}"], scopes: [mcp:read] }]
  opaque:
    upstream: UPSTREAM
    authorizationServers:
      - issuer: "${idp.issuer}"
        introspection: { clientId: ${GATEWAY.id}, clientSecret: "${GATEWAY.secret}" }
    access: [{ users: ["${idp.issuer}|${AGENT.id}"], scopes: [mcp:read] }]
`);
});
afterAll(async () => {
  await site?.close();
  await idp?.close();
});

async function post(
  path: string,
  fields: Readonly<Record<string, string>>,
  client: { id: string; secret: string } = AGENT,
) {
  const headers = { authorization: basic(client.id, client.secret) };
  const answer = await fetch(`${idp.issuer}${path}`, { method: "POST", headers, body: new URLSearchParams(fields) });
  return answer.text();
}

async function tokenFor(server: string): Promise<string> {
  const resource = `${site.publicUrl}/mcp/${server}`;
  const answer = await post("/token", { grant_type: "client_credentials", resource, scope: "mcp:read" });
  return JSON.parse(answer).access_token;
}

describe("Tokens that oidc-provider issues", () => {
  test.each(["signed", "opaque"])("open the server they are for: %s", async (server) => {
    const token = await tokenFor(server);
    expect(token.split(".")).toHaveLength(server === "signed" ? 3 : 1);
    expect((await site.look(server, token)).status).toBe(200);
    expect(await site.tools(server, token)).not.toContain("change");
  });

  test("that are opaque do not open a server that checks signatures", async () => {
    expect((await site.look("signed", await tokenFor("opaque"))).status).toBe(401);
  });

  // oidc-provider refuses to be asked about JWTs: that is neither yes nor no.
  test("that are signed do not open a server that asks", async () => {
    expect((await site.look("opaque", await tokenFor("signed"))).status).toBe(503);
  });

  test("that were revoked there are refused here when they are next asked about", async () => {
    const token = await tokenFor("opaque");
    await post("/token/revocation", { token, token_type_hint: "access_token" });
    expect((await site.look("opaque", token)).status).toBe(401);
  });
});
