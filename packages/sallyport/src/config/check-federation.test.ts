import { describe, expect, test } from "vitest";
import { parseConfig } from "./load.js";

const problems = (signIn: string, entries: string): string => {
  const text = `
publicUrl: https://mcp.example.com
${signIn}
servers:
  crm:
    upstream: http://127.0.0.1:9001/mcp
    authorizationServers: ${entries}
    access: [{ roles: [support], scopes: [mcp:read] }]
`;
  try {
    parseConfig(text, { file: "sallyport.yaml", environment: {} });
    return "none";
  } catch (error) {
    return (error as Error).message;
  }
};

const ISSUER = "https://login.example.com";
const GOOD = `[{ issuer: "${ISSUER}" }]`;
const INTROSPECTION = "introspection: { clientId: a, clientSecret: b }";

describe("Sign-in and authorization servers of others, in a configuration", () => {
  test.each([
    ["", GOOD],
    [`signIn: { oidc: { issuer: "${ISSUER}", clientId: a, roles: { g: [a, b], h: c } } }`, GOOD],
    ["signIn: { oidc: { rolesMaxAge: 60 } }", GOOD],
    ["", `[{ issuer: "${ISSUER}", ${INTROSPECTION}, audience: [a, b], scopes: { x: y } }]`],
    ["", `[{ issuer: "${ISSUER}", dialect: { withoutAudience: true }, clients: [a] }]`],
    ["", `[{ issuer: "http://127.0.0.1:8080", jwksUri: "http://localhost:8080/jwks" }]`],
  ])("are taken: %s %s", (signIn, entries) => {
    expect(problems(signIn, entries)).toBe("none");
  });

  test.each([
    ["half a provider", `signIn: { oidc: { issuer: "${ISSUER}" } }`, GOOD, "needs both `issuer` and `clientId`"],
    ["a provider without issuer", "signIn: { oidc: { clientSecret: x } }", GOOD, "needs both"],
    ["roles without a provider", "signIn: { oidc: { roles: { g: a } } }", GOOD, "needs both"],
    [
      "tokens without aud, and no rule in its place (R-21)",
      "",
      `[{ issuer: "${ISSUER}", dialect: { withoutAudience: true } }]`,
      "tokens without `aud` need another rule",
    ],
    ["an issuer twice", "", `[{ issuer: "${ISSUER}" }, { issuer: "${ISSUER}" }]`, "this issuer is listed already"],
    ["ourselves", "", `[{ issuer: "https://mcp.example.com" }]`, "this is Sallyport itself"],
    ["plain http", "", `[{ issuer: "http://login.example.com" }]`, "must be https"],
    ["keys over plain http", "", `[{ issuer: "${ISSUER}", jwksUri: "http://login.example.com/k" }]`, "must be https"],
    ["two ways to verify", "", `[{ issuer: "${ISSUER}", jwksUri: "${ISSUER}/k", ${INTROSPECTION} }]`, "not both"],
    [
      "two to show opaque tokens to",
      "",
      `[{ issuer: "${ISSUER}", ${INTROSPECTION} }, { issuer: "https://b.example", ${INTROSPECTION} }]`,
      "only one may have `introspection`",
    ],
    ["none at all", "", "[]", "authorizationServers"],
  ])("refuse to start with %s", (_, signIn, entries, says) => {
    expect(problems(signIn, entries)).toContain(says);
  });
});
