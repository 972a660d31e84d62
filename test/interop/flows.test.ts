import * as oauth from "oauth4webapi";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  createPerson,
  createStrictClient,
  type Person,
  type Program,
  ROOT,
  type StrictClient,
  startProgram,
} from "./harness.js";

/*
 * Every flow through oauth4webapi, which refuses answers that the specifications do not allow: a wrong issuer, a missing cache header,
 * a token type it was not promised. What is asserted here comes on top.
 */
let program: Program;
let person: Person;
let client: StrictClient;

beforeAll(async () => {
  program = await startProgram({
    arguments: ["--", process.execPath, `${ROOT}node_modules/.bin/mcp-server-everything`],
  });
  person = createPerson({ code: program.ownerCode });
  client = await createStrictClient(program.mcpUrl);
});
afterAll(() => program?.stop());

const LOOPBACK = { [oauth.allowInsecureRequests]: true } as const;

describe("discovery and registration", () => {
  test("the resource names this authorization server, and itself as users type it (R-03, R-04, R-63)", () => {
    expect(client.resource.resource).toBe(program.mcpUrl);
    expect(client.resource.authorization_servers).toEqual([program.issuer]);
    expect(client.as.issuer).toBe(program.issuer);
    expect(client.resource.scopes_supported).toEqual(["mcp:read"]);
  });

  test("metadata promises what clients look for (R-64, R-72, R-86)", () => {
    expect(client.as.code_challenge_methods_supported).toEqual(["S256"]);
    expect(client.as.authorization_response_iss_parameter_supported).toBe(true);
    expect(client.as.client_id_metadata_document_supported).toBe(true);
    expect(client.as.scopes_supported).toEqual(["mcp:read", "mcp:write"]);
    expect(client.as.scopes_supported).not.toContain("openid");
  });

  test("the OpenID form of the metadata says the same (R-61)", async () => {
    const response = await oauth.discoveryRequest(new URL(program.issuer), { algorithm: "oidc", ...LOOPBACK });
    const metadata = await oauth.processDiscoveryResponse(new URL(program.issuer), response);
    expect(metadata).toMatchObject({ token_endpoint: client.as.token_endpoint, issuer: program.issuer });
    expect(metadata.subject_types_supported).toEqual(["public"]);
  });

  test("a public client gets an id and no secret (R-83)", () => {
    expect(client.client.client_id).toBeTypeOf("string");
    expect(client.client.client_secret).toBeUndefined();
  });
});

describe("authorization code with PKCE", () => {
  test("the token is an RFC 9068 token for this resource and the scopes of the page (R-21, R-65, R-89)", async () => {
    const { access_token, scope, expires_in } = await client.authorize(person, {
      scope: "mcp:read mcp:write",
      answer: { scopes: "all" },
    });
    expect(scope?.split(" ").sort()).toEqual(["mcp:read", "mcp:write"]);
    expect(expires_in).toBe(600);
    const request = new Request(program.mcpUrl, { headers: { authorization: `Bearer ${access_token}` } });
    const claims = await oauth.validateJwtAccessToken(client.as, request, program.mcpUrl, LOOPBACK);
    expect(claims).toMatchObject({ iss: program.issuer, aud: program.mcpUrl, client_id: client.client.client_id });
  });

  test("the person may tick less than was asked for, and the answer says so (R-88)", async () => {
    const { scope } = await client.authorize(person, { scope: "mcp:read mcp:write", answer: { scopes: ["mcp:read"] } });
    expect(scope).toBe("mcp:read");
  });

  test("a refusal comes back as access_denied with iss and state (R-85)", async () => {
    const refused = client.authorize(person, { scope: "mcp:read", answer: { approve: false } });
    await expect(refused).rejects.toMatchObject({ code: oauth.AUTHORIZATION_RESPONSE_ERROR, error: "access_denied" });
  });

  test("a loopback redirect URI may come with another port, any other difference is shown as a page (R-68, RFC 8252 §7.3)", async () => {
    const ask = (redirect_uri: string) => authorizationUrl(client, { redirect_uri });
    const callback = await person.visit(await ask("http://127.0.0.1:50999/callback"));
    expect(callback.origin).toBe("http://127.0.0.1:50999");
    for (const other of [
      "http://127.0.0.1:49152/other",
      "http://localhost:49152/callback",
      "http://127.0.0.1.example/callback",
    ]) {
      const response = await fetch(await ask(other), { redirect: "manual" });
      expect([response.status, response.headers.get("location")], other).toEqual([400, null]);
    }
  });

  test("a code is redeemed once; the second try ends what the first gave", async () => {
    const verifier = oauth.generateRandomCodeVerifier();
    const url = await authorizationUrl(client, { verifier });
    const callback = oauth.validateAuthResponse(client.as, client.client, await person.visit(url), oauth.expectNoState);
    const redeem = () =>
      oauth.authorizationCodeGrantRequest(
        client.as,
        client.client,
        oauth.None(),
        callback,
        REDIRECT,
        verifier,
        LOOPBACK,
      );
    const first = await oauth.processAuthorizationCodeResponse(client.as, client.client, await redeem());
    const second = oauth.processAuthorizationCodeResponse(client.as, client.client, await redeem());
    await expect(second).rejects.toMatchObject({ error: "invalid_grant" });
    await expect(client.refresh(first.refresh_token ?? "")).rejects.toMatchObject({ error: "invalid_grant" });
  });

  test("a wrong verifier, or none, gets nothing (R-65)", async () => {
    const callback = await person.visit(
      await authorizationUrl(client, { verifier: oauth.generateRandomCodeVerifier() }),
    );
    const answer = oauth.validateAuthResponse(client.as, client.client, callback, oauth.expectNoState);
    const wrong = oauth.generateRandomCodeVerifier();
    const response = await oauth.authorizationCodeGrantRequest(
      client.as,
      client.client,
      oauth.None(),
      answer,
      REDIRECT,
      wrong,
      LOOPBACK,
    );
    const tokens = oauth.processAuthorizationCodeResponse(client.as, client.client, response);
    await expect(tokens).rejects.toMatchObject({ error: "invalid_grant" });
  });
});

describe("refresh", () => {
  test("rotates; the predecessor repeats its successor at once, and kills the session after that was used (R-71)", async () => {
    const { refresh_token: first = "" } = await client.authorize(person);
    const { refresh_token: second = "" } = await client.refresh(first);
    expect(second).not.toBe(first);
    expect((await client.refresh(first)).refresh_token).toBe(second);
    const { refresh_token: third = "" } = await client.refresh(second);
    await expect(client.refresh(first)).rejects.toMatchObject({ error: "invalid_grant" });
    await expect(client.refresh(third)).rejects.toMatchObject({ error: "invalid_grant" });
  });

  test("two at once get one successor between them", async () => {
    const { refresh_token = "" } = await client.authorize(person);
    const both = await Promise.all([client.refresh(refresh_token), client.refresh(refresh_token)]);
    expect(both[0].refresh_token).toBe(both[1].refresh_token);
  });

  test("narrows the access token only, and never widens (RFC 6749 §6)", async () => {
    const wide = await client.authorize(person, { scope: "mcp:read mcp:write", answer: { scopes: "all" } });
    const narrow = await client.refresh(wide.refresh_token ?? "", "mcp:read");
    expect(narrow.scope).toBe("mcp:read");
    expect((await client.refresh(narrow.refresh_token ?? "")).scope?.split(" ").sort()).toEqual([
      "mcp:read",
      "mcp:write",
    ]);
    const read = await client.authorize(person, { scope: "mcp:read", answer: { scopes: ["mcp:read"] } });
    await expect(client.refresh(read.refresh_token ?? "", "mcp:read mcp:write")).rejects.toMatchObject({
      error: "invalid_scope",
    });
  });
});

describe("step-up by refreshing, as clients on the TypeScript SDK 1.x try", () => {
  const call = (token: string, name: string) =>
    fetch(program.mcpUrl, {
      method: "POST",
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: {} } }),
    });

  test("is told once that it takes the person; nothing ends, and a refresh for any other reason is answered", async () => {
    const { access_token, refresh_token = "" } = await client.authorize(person);
    const { refresh_token: second = "" } = await client.refresh(refresh_token);
    expect((await call(access_token, "toggle-simulated-logging")).status).toBe(403);
    await expect(client.refresh(second)).rejects.toMatchObject({ status: 400, error: "consent_required" });
    const { refresh_token: third } = await client.refresh(second);
    expect(third).not.toBe(second);
  });

  test("is not mistaken for the refresh of another session of the same person and client", async () => {
    const [laptop, phone] = [await client.authorize(person), await client.authorize(person)];
    expect((await call(laptop.access_token, "toggle-simulated-logging")).status).toBe(403);
    expect((await client.refresh(phone.refresh_token ?? "")).refresh_token).toBeTypeOf("string");
  });
});

describe("revocation (RFC 7009)", () => {
  test("ends the session, and answers 200 for a token it does not know", async () => {
    const { refresh_token = "" } = await client.authorize(person);
    await client.revoke(refresh_token);
    await expect(client.refresh(refresh_token)).rejects.toMatchObject({ error: "invalid_grant" });
    await client.revoke("unknown");
  });
});

const REDIRECT = "http://127.0.0.1:49152/callback";

async function authorizationUrl(
  { as, client: { client_id }, resource }: StrictClient,
  {
    redirect_uri = REDIRECT,
    verifier = oauth.generateRandomCodeVerifier(),
  }: { redirect_uri?: string; verifier?: string },
): Promise<URL> {
  const url = new URL(as.authorization_endpoint ?? "");
  url.search = new URLSearchParams({
    response_type: "code",
    client_id,
    redirect_uri,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    resource: resource.resource,
    scope: "mcp:read",
  }).toString();
  return url;
}
