import { describe, expect, test } from "vitest";
import { parseConfig } from "./load.js";

const file = (clients: string, rest = "", access = "[{ clients: [worker], scopes: [mcp:read] }]") => `
clients:
  worker: { name: Worker, secret: hush }
${clients}
${rest}
servers:
  crm: { upstream: "http://127.0.0.1:1/mcp", access: ${access} }
`;
const load = (text: string) => parseConfig(text, { file: "sallyport.yaml", environment: {} });
const key = "{ kty: EC, crv: P-256, x: x, y: y }";
const trusted = (entry: string) => file("", `trustedIssuers: { company: ${entry} }`);

describe("clients and trustedIssuers of the configuration", () => {
  test.each([
    ["an agent with its keys", file(`  agent: { name: Agent, jwks: { keys: [${key}] }, exchange: [crm], dpop: true }`)],
    [
      "a client of people that an agent may act for",
      file("  app: { name: App, redirectUris: [https://a.example/cb], mayAct: worker }"),
    ],
    ["a client that only asks about tokens", file("  crm-server: { name: CRM, secret: x, serves: [crm] }")],
    [
      "a client that writes the token endpoint",
      file(`  agent: { name: Agent, jwks: { keys: [${key}] }, tokenEndpointAudience: true }`),
    ],
    ["an identity provider", trusted("{ issuer: https://idp.example, people: {} }")],
    ["a platform", trusted("{ issuer: https://ci.example, workloads: [{ client: worker, claims: { sub: x } }] }")],
  ])("%s is fine", (_, text) => {
    expect(() => load(text)).not.toThrow();
  });

  test.each([
    [
      "a client that access names and nobody configured",
      file("", "", "[{ clients: [wroker], scopes: [mcp:read] }]"),
      /unknown client "wroker"/,
    ],
    ["a secret and keys", file(`  two: { name: Two, secret: x, jwks: { keys: [${key}] } }`), /give one of/],
    [
      "a private key",
      file("  two: { name: Two, jwks: { keys: [{ kty: EC, crv: P-256, x: x, y: y, d: d }] } }"),
      /public keys only/,
    ],
    ["keys over http", file("  two: { name: Two, jwksUri: 'http://a.example/jwks' }"), /must be https/],
    ["an exchange by a public client", file("  two: { name: Two, exchange: [] }"), /prove who it is/],
    ["a public client that is a server", file("  two: { name: Two, serves: [crm] }"), /prove who it is/],
    [
      "an audience of JWTs for a secret",
      file("  two: { name: Two, secret: x, tokenEndpointAudience: true }"),
      /goes with `jwks`/,
    ],
    [
      "an exchange for an unknown server",
      file("  two: { name: Two, secret: x, exchange: [erp] }"),
      /unknown server or API "erp"/,
    ],
    ["an unknown client that may act", file("  two: { name: Two, mayAct: three }"), /unknown client "three"/],
    ["an issuer that vouches for nobody", trusted("{ issuer: https://idp.example }"), /say whom it vouches for/],
    ["an issuer over http", trusted("{ issuer: 'http://idp.example', people: {} }"), /must be https/],
    [
      "a workload of an unknown client",
      trusted("{ issuer: https://ci.example, workloads: [{ client: x, claims: { a: b } }] }"),
      /unknown client "x"/,
    ],
    [
      "a workload without a rule",
      trusted("{ issuer: https://ci.example, workloads: [{ client: worker, claims: {} }] }"),
      /at least one claim/,
    ],
    [
      "one issuer twice",
      file(
        "",
        "trustedIssuers: { a: { issuer: https://i.example, people: {} }, b: { issuer: https://i.example, people: {} } }",
      ),
      /listed already/,
    ],
  ])("%s is refused at start", (_, text, message) => {
    expect(() => load(text)).toThrow(message);
  });
});
