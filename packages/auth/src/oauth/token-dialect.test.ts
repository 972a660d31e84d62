import { describe, expect, test } from "vitest";
import { createTestIssuer, type TestIssuer } from "../testing/issuer.js";
import { createTestSystem } from "../testing/system.js";
import { type AccessTokenIssuer, claimedIssuer, validateAccessToken, validateIntrospected } from "./access-token.js";
import { verifySignatureWeb } from "./verify-signature.js";

const ISSUER = "https://login.example.com";
const RESOURCE = "https://mcp.example.com/mcp";
const system = createTestSystem();
const now = system.now();

async function judge(
  entry: Partial<AccessTokenIssuer>,
  claims: Parameters<TestIssuer["token"]>[0] = {},
): Promise<unknown> {
  const issuer = await createTestIssuer({ issuer: ISSUER, resource: RESOURCE, system });
  const trusted: AccessTokenIssuer = { issuer: ISSUER, keys: issuer.keys, audience: [RESOURCE], ...entry };
  const expected = { issuerOf: () => trusted, verifySignature: verifySignatureWeb, now, clockSkew: 5 };
  try {
    return await validateAccessToken(await issuer.token(claims), expected);
  } catch (error) {
    return (error as { readonly reason: string }).reason;
  }
}

describe("The dialect of another authorization server", () => {
  const noAudience = { withoutAudience: true };
  test.each([
    ["no aud, a listed client", { dialect: noAudience, clients: ["client-1"] }, { aud: undefined }, "fine"],
    ["no aud, another client", { dialect: noAudience, clients: ["x"] }, { aud: undefined }, "token_audience"],
    ["no aud, nobody listed", { dialect: noAudience }, { aud: undefined }, "token_malformed"],
    ["no aud, not in the dialect", { clients: ["client-1"] }, { aud: undefined }, "token_malformed"],
    ["an aud that does not fit", { dialect: noAudience, clients: ["client-1"] }, { aud: "x" }, "token_audience"],
    ["a client not listed", { clients: ["x"] }, {}, "token_audience"],
    ["what is required", { dialect: { requiredClaims: { token_use: ["access"] } } }, { token_use: "access" }, "fine"],
    ["less than required", { dialect: { requiredClaims: { token_use: ["access"] } } }, {}, "token_malformed"],
    [
      "other than required",
      { dialect: { requiredClaims: { token_use: ["access"] } } },
      { token_use: "id" },
      "token_malformed",
    ],
    ["no keys to verify by", { keys: undefined }, {}, "token_issuer"],
  ] as const)("judges a token with %s", async (_, entry, claims, verdict) => {
    const judged = await judge(entry, claims);
    expect(verdict === "fine" ? typeof judged : judged).toBe(verdict === "fine" ? "object" : verdict);
  });

  test("translates scopes, and drops what is not listed", async () => {
    const dialect = { scopes: { "api/read": ["mcp:read"], "api/all": ["mcp:read", "mcp:write"] } };
    expect(await judge({ dialect }, { scope: "api/read api/all mcp:admin constructor" })).toMatchObject({
      scopes: ["mcp:read", "mcp:write"],
    });
  });

  test("hands on what role claims say, and never as roles", async () => {
    const dialect = { roleClaims: ["groups", "realm_access.roles", "https://x/roles", "missing"] };
    const claims = { groups: ["a"], realm_access: { roles: ["b"] }, "https://x/roles": { c: {}, d: {} }, roles: ["e"] };
    const judged = await judge({ dialect }, claims);
    expect(judged).toMatchObject({ asserted: ["a", "b", "c", "d"] });
    expect(judged).not.toHaveProperty("roles");
    expect(await judge({}, claims)).not.toHaveProperty("asserted");
  });
});

describe("An introspection response", () => {
  const trusted: AccessTokenIssuer = { issuer: ISSUER, audience: [RESOURCE] };
  const said = { active: true, client_id: "c", sub: "u", aud: RESOURCE, exp: now + 60, iat: now, scope: "mcp:read" };
  const read = (change: object, entry: Partial<AccessTokenIssuer> = {}) => {
    try {
      return validateIntrospected({ ...said, ...change }, { ...trusted, ...entry }, { now, clockSkew: 5 });
    } catch (error) {
      return (error as { readonly reason: string }).reason;
    }
  };

  test("becomes a principal under the same rules as a JWT", () => {
    expect(read({})).toMatchObject({
      iss: ISSUER,
      sub: "u",
      client_id: "c",
      scopes: ["mcp:read"],
      kind: "user",
      iat: now,
    });
  });

  test("without iat counts as issued before anything, so that what was revoked stays so", () => {
    expect(read({ iat: undefined })).toBe("token_malformed");
    const { iat, ...rest } = said;
    expect(iat).toBe(now);
    expect(validateIntrospected(rest, trusted, { now, clockSkew: 5 })).toMatchObject({ iat: 0 });
  });

  test("without sub is of the client itself", () => {
    const { sub, ...rest } = said;
    expect(sub).toBe("u");
    expect(validateIntrospected(rest, trusted, { now, clockSkew: 5 })).toMatchObject({ sub: "c", kind: "client" });
  });

  test.each([
    ["of another issuer", { iss: "https://other.example" }, "token_issuer"],
    ["for another audience", { aud: "https://other.example" }, "token_audience"],
    ["that has expired", { exp: now - 60 }, "token_expired"],
    ["not valid yet", { nbf: now + 60 }, "token_not_yet_valid"],
    ["of a refresh token", { token_type: "refresh_token" }, "token_malformed"],
    ["with a type that is no text", { token_type: 1 }, "token_malformed"],
    ["with a confirmation that nobody checks", { cnf: { "x5t#S256": "x" } }, "token_binding"],
  ])("%s is refused", (_, change, reason) => {
    expect(read(change)).toBe(reason);
  });

  test("without audience needs a type, for a refresh token looks the same", () => {
    const { aud, ...rest } = said;
    expect(aud).toBe(RESOURCE);
    const entry = { ...trusted, clients: ["c"], dialect: { withoutAudience: true } };
    const when = { now, clockSkew: 5 };
    expect(() => validateIntrospected(rest, entry, when)).toThrow("no access token");
    expect(validateIntrospected({ ...rest, token_type: "DPoP" }, entry, when)).toMatchObject({ sub: "u" });
  });
});

describe("The issuer that a token claims", () => {
  const jwt = (claims: string, alg = "ES256") =>
    `${btoa(JSON.stringify({ alg }))}.${btoa(claims).replace(/=+$/, "")}.x`;
  test.each([
    ["a JWT", jwt('{"iss":"https://a"}'), "https://a"],
    ["a JWT of an algorithm that is never accepted", jwt('{"iss":"https://a"}', "HS256"), "https://a"],
    ["a JWT that does not say", jwt("{}"), undefined],
    ["a JWT that says a number", jwt('{"iss":1}'), undefined],
    ["a JWT of null", jwt("null"), undefined],
    ["a JWE", "a.b.c.d.e", undefined],
    ["two dots and nonsense", "a.b.c", undefined],
    ["an opaque token", "opaque", undefined],
    ["nothing", "", undefined],
  ])("is read from %s", (_, token, issuer) => {
    expect(claimedIssuer(token)).toBe(issuer);
  });
});
