import { describe, expect, test } from "vitest";
import { parseConfig } from "./load.js";

const CONNECTIONS = "connections: { desk: { title: Desk, issuer: https://desk.example, clientId: s } }\n";
const WAY = "url: https://crm.example, paths: [/v1/**], value: { env: CRM_KEY }";

function load(env: string, { way = WAY, more = "" } = {}): ReturnType<typeof parseConfig> {
  const server = `servers:\n  crm:\n    command: [x]\n    access: [{ roles: [a], scopes: [mcp:read] }]\n    env: ${env}\n${more}`;
  return parseConfig(`${CONNECTIONS}egress: { crm: { ${way} } }\n${server}`, { file: "f.yaml", environment: {} });
}

describe("the way out of a stdio server", () => {
  test("has a default for all but place, paths and value", () => {
    expect(load("{ CRM_URL: { proxy: crm }, TOKEN: { connect: desk }, KEY: { file: key } }").egress.crm).toEqual({
      ...{ url: "https://crm.example", paths: ["/v1/**"], value: { env: "CRM_KEY" } },
      ...{ methods: ["GET", "HEAD"], header: "Authorization" },
    });
  });

  test.each([
    ["a way that is not there", "{ X: { proxy: other } }", {}, /env\.X: unknown egress "other".*there are: crm/],
    ["a name of every object", "{ X: { proxy: constructor } }", {}, /unknown egress "constructor"/],
    ["a connection that is not there", "{ X: { connect: other } }", {}, /env\.X: unknown connection "other".*desk/],
    ["both", "{ X: { connect: desk, proxy: crm } }", {}, /env\.X/],
    ["a person's own for everybody", "{ X: { connect: desk } }", { more: "    shared: true\n" }, /shared: true/],
    [
      "a person's own for everybody, by the way out",
      "{ X: { proxy: crm } }",
      { way: "url: https://a.example, paths: [/], value: { connect: desk }", more: "    shared: true\n" },
      /env\.X: is one person's own/,
    ],
    [
      "an unknown connection",
      "{}",
      { way: "url: https://a.example, paths: [/], value: { connect: x }" },
      /value: unknown/,
    ],
    ["a place in the clear", "{}", { way: "url: http://a.example, paths: [/], value: x" }, /url: .* is not https/],
    ["a path in the place", "{}", { way: "url: https://a.example/v1, paths: [/], value: x" }, /name no path/],
    ["a query in the place", "{}", { way: "url: https://a.example?x, paths: [/], value: x" }, /name no path/],
    [
      "credentials in the place",
      "{}",
      { way: "url: https://u:p@a.example, paths: [/], value: x" },
      /no credentials|not hold credentials/,
    ],
    ["another scheme", "{}", { way: "url: ftp://a.example, paths: [/], value: x" }, /http or https/],
    ["no paths", "{}", { way: "url: https://a.example, paths: [], value: x" }, /paths/],
    ["a path without a slash", "{}", { way: "url: https://a.example, paths: [v1], value: x" }, /begins with a slash/],
    ["a path with a dot segment", "{}", { way: "url: https://a.example, paths: [/a/../b], value: x" }, /no such path/],
    ["a path with a query", "{}", { way: "url: https://a.example, paths: ['/a?b'], value: x" }, /without the query/],
    ["three stars", "{}", { way: "url: https://a.example, paths: [/***], value: x" }, /three stars/],
    ["an unknown method", "{}", { way: "url: https://a.example, paths: [/], methods: [CONNECT], value: x" }, /methods/],
    [
      "the Host header",
      "{}",
      { way: "url: https://a.example, paths: [/], header: Host, value: x" },
      /set by Sallyport/,
    ],
    ["no value", "{}", { way: "url: https://a.example, paths: [/]" }, /value/],
  ])("is refused with %s", (_, env, options, message) => {
    expect(() => load(env, options)).toThrow(message);
  });
});
