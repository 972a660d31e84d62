import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type ExternalServer, INTROSPECTION_CLIENT, startExternalServer } from "./external-server.js";
import { type Site, startSite } from "./site.js";

const API = "https://api.example.com";
const { clientId, clientSecret } = INTROSPECTION_CLIENT;

let one: ExternalServer;
let two: ExternalServer;
let site: Site;
const audience = () => `${site.publicUrl}/mcp/one`;

beforeAll(async () => {
  [one, two] = await Promise.all([startExternalServer(), startExternalServer()]);
  site = await startSite(`
servers:
  one:
    upstream: UPSTREAM
    authorizationServers:
      - { issuer: "${one.issuer}", roleClaims: [realm.groups], roles: { g1: [support] }, rolesMaxAge: 3600 }
    access:
      - { roles: [support], scopes: [mcp:read, mcp:write] }
      - { users: ["${one.issuer}|u1"], scopes: [mcp:read] }
  two:
    upstream: UPSTREAM
    authorizationServers: [{ issuer: "${two.issuer}", audience: ${API} }]
    access: [{ users: ["${two.issuer}|u1"], scopes: [mcp:read] }]
  both:
    upstream: UPSTREAM
    authorizationServers:
      - { issuer: "${two.issuer}", audience: ${API}, dialect: { typ: [JWT], clientIdClaim: azp, scopeClaim: scp }, scopes: { "api/read": mcp:read } }
      - issuer: "${one.issuer}"
        introspection: { clientId: "${clientId}", clientSecret: "${clientSecret}" }
        dialect: { withoutAudience: true }
        clients: [editor]
    access: [{ users: ["${one.issuer}|u1", "${two.issuer}|u1"], scopes: [mcp:read] }]
  ours:
    upstream: UPSTREAM
    access: [{ users: [ada], scopes: [mcp:read] }]
`);
});
afterAll(async () => {
  await site?.close();
  await Promise.all([one, two].map((server) => server?.close()));
});

const tokenOfOne = (claims: Readonly<Record<string, unknown>> = {}) =>
  one.token({ aud: audience(), scope: "mcp:read mcp:write", ...claims });

describe("A server that names other authorization servers", () => {
  test("lists them in its order in the protected resource metadata, and not ours (R-04)", async () => {
    const read = async (server: string) =>
      (await fetch(`${site.publicUrl}/.well-known/oauth-protected-resource/mcp/${server}`)).json();
    expect((await read("both")).authorization_servers).toEqual([two.issuer, one.issuer]);
    expect((await read("ours")).authorization_servers).toEqual([site.publicUrl]);
  });

  test("is no resource of our own authorization server (R-147)", async () => {
    const register = await fetch(`${site.publicUrl}/register`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        client_name: "x",
        redirect_uris: ["http://127.0.0.1/callback"],
        token_endpoint_auth_method: "none",
      }),
    });
    const { client_id } = await register.json();
    const asked = (resource: string) =>
      fetch(
        `${site.publicUrl}/authorize?${new URLSearchParams({
          client_id,
          response_type: "code",
          redirect_uri: "http://127.0.0.1/callback",
          code_challenge: "x".repeat(43),
          code_challenge_method: "S256",
          resource,
        })}`,
        { redirect: "manual" },
      );
    expect((await asked(`${site.publicUrl}/mcp/one`)).headers.get("location")).toContain("error=invalid_target");
    expect((await asked(`${site.publicUrl}/mcp/ours`)).headers.get("location")).not.toContain("error=");
  });

  test("takes their tokens, and judges by access alone", async () => {
    expect((await site.look("one", await tokenOfOne())).status).toBe(200);
    expect(await site.tools("one", await tokenOfOne())).not.toContain("change");
    const staff = await tokenOfOne({ sub: "u2", realm: { groups: ["g1", "g2"] } });
    expect(await site.tools("one", staff)).toContain("change");
    const nobody = await tokenOfOne({ sub: "u3" });
    expect(await site.tools("one", nobody)).toEqual(["no_access"]);
  });

  test("never sends their tokens on (R-146)", async () => {
    site.upstream.forget();
    const token = await tokenOfOne();
    await site.look("one", token);
    expect(JSON.stringify(site.upstream.arrived)).not.toContain(token);
    expect(site.upstream.arrived).toHaveLength(1);
  });

  test.each([
    ["for another audience", "one", () => tokenOfOne({ aud: API })],
    ["without an audience", "one", () => tokenOfOne({ aud: undefined })],
    ["of an issuer that only another server lists", "one", () => two.token({ aud: audience(), scope: "mcp:read" })],
    ["that names a listed issuer, signed by another", "one", () => two.token({ iss: one.issuer, aud: audience() })],
    ["that names an issuer nobody lists", "one", () => one.token({ iss: "https://evil.example", aud: audience() })],
    ["that is an ID token", "one", () => one.token({ aud: audience() }, { typ: "JWT" })],
    ["that has expired", "one", () => tokenOfOne({ exp: 1_000 })],
    ["for the server and not as its entry says", "two", () => two.token({ aud: `${site.publicUrl}/mcp/two` })],
    ["of another server's dialect", "two", () => two.token({ aud: API, azp: "editor", client_id: undefined })],
  ])("answers 401 to a token %s (R-21)", async (_, server, token) => {
    const answer = await site.look(server, await token());
    expect(answer.status).toBe(401);
    expect(answer.text).not.toContain(one.issuer);
  });

  test("answers 401 to our own token, and our own server to theirs", async () => {
    const { kid, alg, privateKey } = await site.store.keys.current();
    const { SignJWT } = await import("jose");
    const now = site.system.now();
    const ours = await new SignJWT({ client_id: "editor", scope: "mcp:read", jti: "1", sid: "1" })
      .setProtectedHeader({ alg, kid, typ: "at+jwt" })
      .setIssuer(site.publicUrl)
      .setSubject("u1")
      .setAudience(audience())
      .setIssuedAt(now)
      .setExpirationTime(now + 60)
      .sign(privateKey);
    expect((await site.look("one", ours)).status).toBe(401);
    expect((await site.look("ours", await one.token({ aud: `${site.publicUrl}/mcp/ours` }))).status).toBe(401);
  });

  test("reads a dialect: typ, client, scopes of another name", async () => {
    const claims = {
      aud: [API, "x"],
      client_id: undefined,
      azp: "editor",
      jti: undefined,
      scp: ["api/read", "api/other"],
    };
    expect((await site.look("both", await two.token(claims, { typ: "JWT" }))).status).toBe(200);
    const unmapped = await two.token({ ...claims, scp: ["mcp:read"], iat: 1 }, { typ: "JWT" });
    expect((await site.look("both", unmapped)).status).toBe(403);
  });

  test("follows a key rotation without a restart (RFC 7517 §5)", async () => {
    expect((await site.look("one", await tokenOfOne())).status).toBe(200);
    await one.rotate();
    site.system.advance(31);
    await vi.waitFor(async () => expect((await site.look("one", await tokenOfOne({ jti: "new" }))).status).toBe(200));
  });

  test("lets roles be those of the newest token, and only while they are young", async () => {
    const now = site.system.now();
    const claims = { sub: "u4", iat: now - 10, realm: { groups: ["g1"] } };
    const staff = await tokenOfOne({ ...claims, jti: "a" });
    expect(await site.tools("one", staff)).toContain("change");
    expect(await site.tools("one", await tokenOfOne({ ...claims, iat: now, realm: { groups: [] }, jti: "b" }))).toEqual(
      ["no_access"],
    );
    expect(await site.tools("one", staff)).toEqual(["no_access"]);
    const old = { sub: "u5", iat: now - 3_590, exp: now + 3_600, realm: { groups: ["g1"] }, jti: "c" };
    const token = await tokenOfOne(old);
    expect(await site.tools("one", token)).toContain("change");
    site.system.advance(10);
    await vi.waitFor(async () => expect(await site.tools("one", token)).toEqual(["no_access"]));
  });
});

describe("A caller with tokens of another server", () => {
  const end = (selector: { readonly sub?: string; readonly client_id?: string }) =>
    site.store.externalGrants.revoke({ issuer: one.issuer, ...selector }, site.system.now());
  const within2s = { timeout: 2_000, interval: 50 };

  test("is ended here within 2 s, token by token, and comes back with a new one", async () => {
    const now = site.system.now();
    const token = await tokenOfOne({ iat: now, exp: now + 600, jti: "r1" });
    const other = await tokenOfOne({ iat: now, exp: now + 600, jti: "r2", client_id: "another" });
    expect((await site.look("one", token)).status).toBe(200);
    expect((await site.look("one", other)).status).toBe(200);
    expect(await end({ sub: "u1", client_id: "editor" })).toBe(1);
    await vi.waitFor(async () => expect((await site.look("one", token)).status).toBe(401), within2s);
    expect((await site.look("one", other)).status).toBe(200);
    site.system.advance(1);
    const fresh = await tokenOfOne({ iat: now + 1, exp: now + 600, jti: "r3" });
    await vi.waitFor(async () => expect((await site.look("one", fresh)).status).toBe(200), within2s);
    expect((await site.look("one", token)).status).toBe(401);
  });

  test("can be ended before it was ever seen, through whatever client", async () => {
    const now = site.system.now();
    expect(await end({ sub: "u6" })).toBe(0);
    const token = await tokenOfOne({ sub: "u6", iat: now, exp: now + 600, realm: { groups: ["g1"] }, jti: "s1" });
    expect((await site.look("one", token)).status).toBe(401);
  });
});

describe("A server that is asked about tokens (RFC 7662)", () => {
  const good = () => ({
    sub: "u1",
    client_id: "editor",
    scope: "mcp:read",
    token_type: "Bearer",
    iat: site.system.now(),
  });

  test("opens to what it calls active, for the clients listed where it names no audience", async () => {
    one.known.set("opaque-1", good());
    one.known.set("opaque-2", { ...good(), client_id: "another" });
    one.known.set("opaque-3", { ...good(), aud: "https://elsewhere.example" });
    one.known.set("opaque-4", { ...good(), iss: two.issuer });
    one.known.set("refresh-1", { ...good(), token_type: undefined });
    one.known.set("refresh-2", { ...good(), token_type: "refresh_token" });
    expect((await site.look("both", "opaque-1")).status).toBe(200);
    for (const token of ["opaque-2", "opaque-3", "opaque-4", "refresh-1", "refresh-2", "made-up"]) {
      expect([token, (await site.look("both", token)).status]).toEqual([token, 401]);
    }
  });

  test("is asked once in 30 s, and never shown a token that names another issuer", async () => {
    one.asked.length = 0;
    one.known.set("opaque-5", good());
    await Promise.all([1, 2, 3].map(() => site.look("both", "opaque-5")));
    expect(one.asked).toEqual(["opaque-5"]);
    await site.look("both", await two.token({ aud: "x" }));
    expect(one.asked).toEqual(["opaque-5"]);
    one.known.delete("opaque-5");
    site.system.advance(30);
    await vi.waitFor(async () => expect((await site.look("both", "opaque-5")).status).toBe(401));
    expect(one.asked).toEqual(["opaque-5", "opaque-5"]);
  });

  test("closes with 503 while it cannot be asked, and opens by itself", async () => {
    one.known.set("opaque-6", good());
    one.down = true;
    const answer = await site.look("both", "opaque-6");
    one.down = false;
    expect([answer.status, answer.text]).toEqual([503, expect.stringContaining("issuer cannot be asked")]);
    await vi.waitFor(async () => expect((await site.look("both", "opaque-6")).status).toBe(200));
  });
});

test("A server whose keys cannot be read answers 503, never 401, and opens by itself", async () => {
  const late = await startExternalServer();
  late.down = true;
  const own = await startSite(`
servers:
  one:
    upstream: UPSTREAM
    authorizationServers: [{ issuer: "${late.issuer}" }]
    access: [{ users: ["${late.issuer}|u1"], scopes: [mcp:read] }]
`);
  try {
    const token = await late.token({ aud: `${own.publicUrl}/mcp/one`, scope: "mcp:read" });
    expect((await own.look("one", token)).status).toBe(503);
    late.down = false;
    own.system.advance(2);
    await vi.waitFor(async () => expect((await own.look("one", token)).status).toBe(200));
  } finally {
    await own.close();
    await late.close();
  }
});
