import { createTestSystem } from "@sallyport/auth/testing";
import { describe, expect, test } from "vitest";
import { canonicalIssuer, issuerProblem, quirksOf } from "./idp-quirks.js";
import { createRelyingParty, type RelyingPartyOptions } from "./relying-party.js";

const TENANT = "6f1f8c1e-1111-4222-8333-944455556666";

const make = (issuer: string, options: Partial<RelyingPartyOptions> = {}, document: object = {}) =>
  createRelyingParty({
    issuer,
    clientId: "sallyport",
    callbackUrl: "https://mcp.example.com/sign-in/oidc/callback",
    signedOutUrl: "https://mcp.example.com/sign-in/oidc/signed-out",
    label: "Acme",
    roles: {},
    requiredClaims: {},
    system: createTestSystem(),
    fetch: async (url) => {
      const found = url.replace("/.well-known/openid-configuration", "");
      return Response.json({
        issuer: canonicalIssuer(found),
        authorization_endpoint: `${found}/authorize`,
        token_endpoint: `${found}/token`,
        jwks_uri: `${found}/jwks`,
        ...document,
      });
    },
    ...options,
  });

const flow = { state: "s".repeat(43), nonce: "n".repeat(43), verifier: "v".repeat(43), started: 0, fresh: false };
const asked = async (...args: Parameters<typeof make>) =>
  Object.fromEntries((await make(...args).start(flow)).searchParams);

describe("Identity providers that do it in their own way", () => {
  test.each([
    [`https://login.microsoftonline.com/${TENANT}/v2.0`, "Microsoft Entra ID", undefined],
    ["https://acme.eu.auth0.com", "Auth0", "https://acme.eu.auth0.com/"],
    ["https://acme.eu.auth0.com/", "Auth0", undefined],
    ["https://accounts.google.com/", "Google", "https://accounts.google.com"],
    ["https://id.example.com/realms/staff", "Keycloak", undefined],
    ["https://id.example.com/auth/realms/staff/", "Keycloak", "https://id.example.com/auth/realms/staff"],
    ["https://acme.okta.com/oauth2/default", "Okta", undefined],
    ["https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_abc", "Amazon Cognito", undefined],
    ["https://id.example.com/application/o/mcp", "authentik", "https://id.example.com/application/o/mcp/"],
    ["https://acme-x1y2.zitadel.cloud", "Zitadel", undefined],
    ["https://id.example.com/", "OpenID Connect", undefined],
    ["https://evil-accounts.google.com.example", "OpenID Connect", undefined],
  ])("%s is %s", (issuer, title, canonical) => {
    const quirks = quirksOf(issuer);
    expect(quirks.title).toBe(title);
    expect(quirks.checked).toMatch(/^20\d\d-\d\d-\d\d$/);
    expect(canonicalIssuer(issuer)).toBe(canonical ?? issuer);
    expect(issuerProblem(issuer)).toBeUndefined();
  });

  test.each([
    ["https://github.com", /no OpenID Connect/],
    ["https://github.com/login/oauth", /no OpenID Connect/],
    ["https://login.microsoftonline.com/common/v2.0", /your own tenant/],
    ["https://login.microsoftonline.com/organizations/v2.0", /your own tenant/],
    [`https://login.microsoftonline.com/${TENANT}`, /your own tenant/],
    ["http://login.example.com", /https/],
    ["nonsense", /https/],
  ])("%s is refused with what to do", (issuer, says) => {
    expect(() => make(issuer)).toThrow(says);
  });

  test("Google gets its own words for offline access and for the domain", async () => {
    const google = await asked("https://accounts.google.com", {
      scopes: ["openid", "offline_access"],
      requiredClaims: { hd: ["example.com"] },
    });
    expect(google).toMatchObject({ access_type: "offline", prompt: "consent", hd: "example.com", scope: "openid" });
  });

  test("everybody else is asked for offline_access as the standard says, and for no domain", async () => {
    const other = await asked("https://id.example.com", {
      scopes: ["offline_access"],
      requiredClaims: { hd: ["example.com"] },
    });
    expect(other.scope).toBe("openid offline_access");
    expect(other).not.toHaveProperty("hd");
    expect(other).not.toHaveProperty("access_type");
  });

  test("a provider without a logout page has no logout address", async () => {
    expect(await make("https://id.example.com").logoutUrl("s")).toBeUndefined();
    const document = { end_session_endpoint: "https://id.example.com/logout" };
    const url = await make("https://id.example.com", {}, document).logoutUrl("s");
    expect(url?.searchParams.get("state")).toBe("s");
  });
});
