import { decodeJwt } from "jose";
import * as oauth from "oauth4webapi";
import { describe, expect, test } from "vitest";
import { createTestAgents, secretOf } from "../../testing/agents.js";
import { describeTestResource, TEST_ISSUER, TEST_RESOURCE } from "../../testing/authorization-server.js";
import { createTestClient } from "../../testing/client.js";

const GRANT = { grant_type: "client_credentials" };
const errorOf = async (answer: Response) => [answer.status, ((await answer.json()) as { error?: string }).error];

describe("RFC 6749 §4.4: a client for itself", () => {
  test("gets a token with its own id as sub, in a session that can be ended, and no refresh token", async () => {
    const { server, ofClient } = await createTestAgents(["worker"]);
    const tokens = await ofClient("worker", { scope: "mcp:read" });
    expect(tokens).toMatchObject({ token_type: "Bearer", scope: "mcp:read", expires_in: 600 });
    expect(tokens.refresh_token).toBeUndefined();
    const claims = decodeJwt(tokens.access_token);
    expect(claims).toMatchObject({ sub: "worker", client_id: "worker", aud: TEST_RESOURCE });
    const session = await server.options.storage.sessions.find(String(claims.sid));
    expect(session).toMatchObject({ sub: "worker", scopes: ["mcp:read"], expires: claims.exp });
  });

  test("gets what it asked for as far as it is entitled, and everything when it asked for nothing", async () => {
    const { ofClient, entitlements } = await createTestAgents(["worker"]);
    expect((await ofClient("worker")).scope).toBe("mcp:read mcp:write");
    entitlements.set("worker", ["mcp:read"]);
    expect((await ofClient("worker")).scope).toBe("mcp:read");
    expect((await ofClient("worker", { scope: "mcp:write" })).scope).toBe("mcp:read");
    expect((await ofClient("worker", { scope: "mcp:read offline_access other" })).scope).toBe("mcp:read");
  });

  const refused: readonly (readonly [string, string | undefined, Record<string, string>, number, string])[] = [
    ["without its secret", undefined, { client_id: "worker" }, 401, "invalid_client"],
    ["with a wrong secret", undefined, { client_id: "worker", client_secret: "guess" }, 401, "invalid_client"],
    ["for another resource", "worker", { resource: "https://other.example/mcp" }, 400, "invalid_target"],
    ["with nothing that it is entitled to", "idle", {}, 400, "invalid_scope"],
    ["with a scope that does not exist", "worker", { scope: "admin" }, 400, "invalid_scope"],
  ];
  test.each(refused)("%s it gets nothing", async (_, client_id, change, status, error) => {
    const { token, entitlements } = await createTestAgents(["worker", "idle"]);
    entitlements.set("idle", []);
    expect(await errorOf(await token(client_id, { ...GRANT, ...change }))).toEqual([status, error]);
  });

  test("who registered itself acts for nobody but people, whatever it asks for", async () => {
    const { server } = await createTestAgents([]);
    const metadata = { grant_types: ["authorization_code", "client_credentials"] };
    const { token } = await createTestClient(server, { metadata });
    expect(await errorOf(await token(GRANT))).toEqual([400, "unauthorized_client"]);
  });

  test("the resource is named where there are several", async () => {
    const resources = [TEST_RESOURCE, "https://mcp.example/billing"];
    const { token } = await createTestAgents(["worker"], {
      resources: () => resources,
      describeResource: async (resource) => describeTestResource(resource),
    });
    expect(await errorOf(await token("worker", GRANT))).toEqual([400, "invalid_target"]);
    expect((await token("worker", { ...GRANT, resource: resources[1] })).status).toBe(200);
  });

  test("switched off it neither exists nor is advertised", async () => {
    const { server, token } = await createTestAgents(["worker"], { clientCredentials: false });
    expect(await errorOf(await token("worker", GRANT))).toEqual([400, "unsupported_grant_type"]);
    const metadata = await server.fetch(`${TEST_ISSUER}/.well-known/oauth-authorization-server`);
    expect(((await metadata.json()) as oauth.AuthorizationServer).grant_types_supported).not.toContain(
      GRANT.grant_type,
    );
  });

  test("token-revoked-cache: revoking its token ends the session", async () => {
    const { server, ofClient } = await createTestAgents(["worker"]);
    const { access_token } = await ofClient("worker");
    const body = new URLSearchParams({ token: access_token, client_id: "worker", client_secret: secretOf("worker") });
    await server.fetch(`${TEST_ISSUER}/revoke`, { method: "POST", body });
    const session = await server.options.storage.sessions.find(String(decodeJwt(access_token).sid));
    expect(session?.revoked).toBe(server.system.now());
  });

  test.each(["basic", "post"])("oauth4webapi finds the grant and uses it with client_secret_%s", async (way) => {
    const { server } = await createTestAgents(["worker"]);
    const options = { [oauth.customFetch]: server.fetch };
    const found = await oauth.discoveryRequest(new URL(TEST_ISSUER), { algorithm: "oauth2", ...options });
    const as = await oauth.processDiscoveryResponse(new URL(TEST_ISSUER), found);
    expect(as.grant_types_supported).toContain("client_credentials");
    const client: oauth.Client = { client_id: "worker" };
    const secret = secretOf("worker");
    const authentication = way === "basic" ? oauth.ClientSecretBasic(secret) : oauth.ClientSecretPost(secret);
    const parameters = new URLSearchParams({ resource: TEST_RESOURCE, scope: "mcp:read" });
    const answer = await oauth.clientCredentialsGrantRequest(as, client, authentication, parameters, options);
    expect(await oauth.processClientCredentialsResponse(as, client, answer)).toMatchObject({ scope: "mcp:read" });
  });
});
