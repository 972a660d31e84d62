import { describe, expect, test } from "vitest";
import { createTestAuthorizationServer, TEST_ISSUER } from "../testing/authorization-server.js";
import { createTestKeys } from "../testing/keys.js";
import { createAuthorizationServer } from "./create-authorization-server.js";

describe("R-61, R-63, R-64, R-72, R-86: metadata", () => {
  test("asmeta-no-pkce, asmeta-no-iss: every member, exactly", async () => {
    const server = await createTestAuthorizationServer();
    const answer = await server.fetch(`${TEST_ISSUER}/.well-known/oauth-authorization-server`);
    const methods = ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"];
    const algorithms = ["ES256", "RS256", "PS256", "EdDSA", "Ed25519", "ES384"];
    expect(await answer.json()).toEqual({
      issuer: "https://auth.example",
      authorization_endpoint: "https://auth.example/authorize",
      token_endpoint: "https://auth.example/token",
      registration_endpoint: "https://auth.example/register",
      revocation_endpoint: "https://auth.example/revoke",
      jwks_uri: "https://auth.example/jwks",
      scopes_supported: ["mcp:read", "mcp:write"],
      response_types_supported: ["code"],
      response_modes_supported: ["query"],
      grant_types_supported: ["authorization_code", "refresh_token"],
      code_challenge_methods_supported: ["S256"],
      token_endpoint_auth_methods_supported: methods,
      token_endpoint_auth_signing_alg_values_supported: algorithms,
      revocation_endpoint_auth_methods_supported: methods,
      revocation_endpoint_auth_signing_alg_values_supported: algorithms,
      dpop_signing_alg_values_supported: ["ES256", "Ed25519", "EdDSA", "ES384", "RS256", "PS256"],
      authorization_response_iss_parameter_supported: true,
      client_id_metadata_document_supported: true,
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["ES256"],
    });
  });

  test.each([
    ["https://auth.example", ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"]],
    [
      "https://auth.example/tenant/a",
      [
        "/.well-known/oauth-authorization-server/tenant/a",
        "/tenant/a/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration/tenant/a",
        "/tenant/a/.well-known/openid-configuration",
      ],
    ],
  ])(
    "asmeta-issuer-mismatch: the metadata of %s is at %j, open to scripts, with GET, HEAD and OPTIONS",
    async (issuer, paths) => {
      const server = await createTestAuthorizationServer({ issuer });
      for (const path of paths) {
        const answer = await server.fetch(`https://auth.example${path}`);
        expect(await answer.json()).toMatchObject({ issuer, token_endpoint: `${issuer}/token` });
        expect(answer.headers.get("access-control-allow-origin")).toBe("*");
        const head = await server.fetch(`https://auth.example${path}`, { method: "HEAD" });
        expect([head.status, await head.text()]).toEqual([200, ""]);
        const preflight = await server.fetch(`https://auth.example${path}`, { method: "OPTIONS" });
        expect([preflight.status, preflight.headers.get("access-control-allow-methods")]).toEqual([
          204,
          "GET, OPTIONS",
        ]);
      }
    },
  );

  test("meta-host-injection: nothing of the request gets into it", async () => {
    const server = await createTestAuthorizationServer();
    const headers = { "x-forwarded-host": "evil.example", "x-forwarded-proto": "http", forwarded: "host=evil.example" };
    const answer = await server.fetch("http://evil.example/.well-known/oauth-authorization-server", { headers });
    expect(await answer.text()).not.toContain("evil");
  });

  test("the key set holds public members only, whatever the key store hands out", async () => {
    const keys = await createTestKeys();
    const publicKeys = async () => (await keys.publicKeys()).map((key) => ({ ...key, d: "private" }));
    const server = await createTestAuthorizationServer({ keys: { ...keys, publicKeys } });
    const { keys: published } = (await (await server.fetch(`${TEST_ISSUER}/jwks`)).json()) as { keys: object[] };
    expect(Object.keys(published[0] ?? {}).sort()).toEqual(["alg", "crv", "kid", "kty", "use", "x", "y"]);
  });
});

describe("routes", () => {
  test.each([
    "/",
    "/mcp",
    "/authorize/",
    "/tokens",
    "/consent/x",
    "/.well-known/oauth-authorization-server/other",
    "//token",
  ])("%s is nobody's business here", async (path) => {
    const server = await createTestAuthorizationServer();
    expect(await server.handle(new Request(TEST_ISSUER + path))).toBeUndefined();
  });

  test("below a path nothing answers at the root", async () => {
    const server = await createTestAuthorizationServer({ issuer: "https://auth.example/tenant" });
    for (const path of ["/authorize", "/token", "/register", "/.well-known/oauth-authorization-server"]) {
      expect(await server.handle(new Request(`https://auth.example${path}`))).toBeUndefined();
    }
    const answer = await server.handle(new Request("https://auth.example/tenant/token", { method: "POST" }));
    expect(answer?.status).toBe(415);
  });

  test.each([
    ["GET", "/token", "POST"],
    ["DELETE", "/authorize", "GET, POST"],
    ["PUT", "/consent", "GET, POST"],
    ["POST", "/jwks", "GET"],
  ])("%s %s is 405 and says %s", async (method, path, allow) => {
    const server = await createTestAuthorizationServer();
    const answer = await server.fetch(TEST_ISSUER + path, { method });
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, allow]);
  });

  test("cors-wildcard-cred: scripts may call the endpoints that read no cookie, and only those", async () => {
    const server = await createTestAuthorizationServer();
    const open = ["/token", "/register", "/revoke", "/jwks"];
    for (const path of [...open, "/authorize", "/consent"]) {
      const headers = { origin: "https://editor.example", "access-control-request-method": "POST" };
      const answer = await server.fetch(TEST_ISSUER + path, { method: "OPTIONS", headers });
      expect(answer.headers.get("access-control-allow-origin")).toBe(open.includes(path) ? "*" : null);
      expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
    }
  });
});

describe("options", () => {
  const rows: readonly (readonly [string, Parameters<typeof createTestAuthorizationServer>[0], RegExp | undefined])[] =
    [
      ["an https issuer", {}, undefined],
      ["a loopback issuer", { issuer: "http://localhost:4000" }, undefined],
      ["a path", { issuer: "https://auth.example/tenant" }, undefined],
      ["http beyond loopback", { issuer: "http://auth.example" }, /must be https/],
      [
        "http beyond loopback, said out loud",
        { issuer: "http://auth.example", dangerouslyAllowHttpIssuer: true },
        undefined,
      ],
      ["a query", { issuer: "https://auth.example/?a" }, /no query/],
      ["a fragment", { issuer: "https://auth.example/#" }, /no query/],
      ["a user", { issuer: "https://user@auth.example" }, /no query/],
      ["capitals", { issuer: "https://AUTH.example" }, /plain form/],
      ["a default port", { issuer: "https://auth.example:443" }, /plain form/],
      ["no URL", { issuer: "auth.example" }, /absolute URL/],
      ["a lifetime of nothing", { lifetimes: { code: 0 } }, /lifetimes\.code/],
      [
        "several problems",
        { issuer: "http://x.example/?", lifetimes: { session: 1.5 } },
        /https.*no query.*lifetimes\.session/,
      ],
    ];
  test.each(rows)("asmeta-http, R-66: %s", async (_, change, problem) => {
    const { options } = await createTestAuthorizationServer();
    const create = () => createAuthorizationServer({ ...options, ...change });
    if (problem === undefined) expect(create().issuer).toBe(change?.issuer ?? TEST_ISSUER);
    else expect(create).toThrow(problem);
  });
});
