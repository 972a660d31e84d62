import { describe, expect, test } from "vitest";
import { parseConfig } from "./load.js";

const CLIENT = "client: { id: gateway, secret: s }";
const SERVER = "upstream: http://127.0.0.1:9/mcp\n    access: [{ roles: [a], scopes: [mcp:read] }]";

function load(credential: string, more = ""): ReturnType<typeof parseConfig> {
  const text = `servers:\n  crm:\n    ${SERVER}\n    ${credential}\n${more}`;
  return parseConfig(text, { file: "sallyport.yaml", environment: {} });
}
const APIS = "apis: { crm-api: { resource: https://crm.example, scopes: { crm:read: { from: [mcp:read] } } } }";

describe("the credential of a server", () => {
  test.each([
    ["headers", "credential: { static: { X-Key: { env: KEY } } }"],
    [
      "an exchange at an issuer",
      `credential: { exchange: { issuer: https://as.example, ${CLIENT}, resource: https://crm.example } }`,
    ],
    [
      "one by endpoint, with a mapping",
      `credential: { exchange: { tokenEndpoint: https://as.example/t, ${CLIENT}, scope: { mcp:read: a, mcp:write: a b } } }`,
    ],
    [
      "Entra's",
      `credential: { exchange: { issuer: https://as.example, ${CLIENT}, grant: on-behalf-of, scope: api://x/.default } }`,
    ],
    ["the gateway's own", `credential: { clientCredentials: { issuer: https://as.example, ${CLIENT}, dpop: true } }`],
    [
      "an ID-JAG",
      `credential: { idJag: { idp: { issuer: https://idp.example, ${CLIENT} }, issuer: https://as.example, ${CLIENT} } }`,
    ],
    ["our own", `credential: { exchange: { api: crm-api } }`, APIS],
    ["several", `credentials: [{ for: tools/a, none: true }, { for: [tools/b*], static: { X: y } }]`],
  ])("may be %s", (_, credential, more = "") => {
    expect(load(credential, more).servers.crm).toBeDefined();
  });

  test.each([
    [
      "two kinds",
      "credential: { static: { X: y }, clientCredentials: { issuer: https://a.example, client: { id: g } } }",
      /exactly one of/,
    ],
    ["no kind", "credential: {}", /exactly one of/],
    ["a row that is none and one", "credentials: [{ for: tools/a, none: true, static: { X: y } }]", /exactly one of/],
    [
      "what servers ask of clients",
      "credentials: [{ for: requests/sampling, none: true }]",
      /credentials\.0\.for.*requests/,
    ],
    ["a glob of no kind", "credentials: [{ for: a, none: true }]", /credentials\.0\.for.*does not begin with/],
    [
      "no place to ask",
      `credential: { exchange: { ${CLIENT}, resource: https://x.example } }`,
      /`issuer` and `tokenEndpoint`/,
    ],
    [
      "two places",
      `credential: { clientCredentials: { issuer: https://a.example, tokenEndpoint: https://a.example/t, ${CLIENT} } }`,
      /exactly one of `issuer`/,
    ],
    [
      "an endpoint in the clear",
      `credential: { clientCredentials: { tokenEndpoint: http://a.example/t, ${CLIENT} } }`,
      /must be https/,
    ],
    [
      "nobody who asks",
      "credential: { exchange: { issuer: https://a.example, resource: https://x.example } }",
      /`client` is missing/,
    ],
    ["no target", `credential: { exchange: { issuer: https://a.example, ${CLIENT} } }`, /say what the token is for/],
    [
      "half a mapping",
      `credential: { exchange: { issuer: https://a.example, ${CLIENT}, scope: { mcp:read: a } } }`,
      /"mcp:write" of this server is mapped to nothing/,
    ],
    [
      "a mapping of a stranger",
      `credential: { exchange: { issuer: https://a.example, ${CLIENT}, scope: { mcp:read: a, mcp:write: a, x: a } } }`,
      /no scope "x"/,
    ],
    [
      "on-behalf-of with a resource",
      `credential: { exchange: { issuer: https://a.example, ${CLIENT}, grant: on-behalf-of, scope: a, resource: https://x.example } }`,
      /knows no `resource`/,
    ],
    ["an API that is not there", "credential: { exchange: { api: erp } }", /unknown API "erp"/],
    [
      "an API and a place",
      "credential: { exchange: { api: crm-api, issuer: https://a.example } }",
      /`apis` says it already/,
      APIS,
    ],
    [
      "a second Authorization",
      "credential: { exchange: { api: crm-api } }\n    headers: { authorization: x }",
      /stands in `headers` already/,
      APIS,
    ],
    [
      "an API that is a server here",
      "mode: enforce",
      /is served here/,
      APIS.replace("https://crm.example", "http://localhost:4000/mcp/crm"),
    ],
    ["an API under a server's name", "mode: enforce", /a server has this name/, APIS.replace("crm-api", "crm")],
  ])("is refused with %s", (_, credential, message, more = "") => {
    expect(() => load(credential, more)).toThrow(message);
  });

  test("goes with an upstream, not with a command", () => {
    const text =
      "servers:\n  crm:\n    command: [x]\n    access: [{ roles: [a], scopes: [mcp:read] }]\n    credential: { static: { X: y } }";
    expect(() => parseConfig(text, { file: "f", environment: {} })).toThrow(/goes with `upstream`/);
  });
});
