import { describe, expect, test } from "vitest";
import { parseConfig } from "./load.js";
import { ConfigError } from "./problem.js";

const MINIMAL = `
publicUrl: https://mcp.example.com
servers:
  crm:
    upstream: http://127.0.0.1:9001/mcp
    access: [{ roles: [support], scopes: [mcp:read] }]
`;

const parse = (text: string, environment = {}) => parseConfig(text, { file: "sallyport.yaml", environment });
const problems = (text: string): readonly string[] => {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n");
    throw error;
  }
  return [];
};

describe("a configuration", () => {
  test("gets every default of the table", () => {
    expect(parse(MINIMAL)).toMatchObject({
      listen: { port: 4000, host: "loopback" },
      storage: "sqlite:./sallyport.db",
      lifetimes: { accessToken: 600 },
      servers: { crm: { list: "reachable", shared: false } },
    });
  });

  test("is overridden by the environment variables of the table", () => {
    expect(parse(MINIMAL, { SALLYPORT_PORT: "8080", SALLYPORT_LOG_LEVEL: "debug" })).toMatchObject({
      listen: { port: 8080, host: "loopback" },
      log: { level: "debug" },
    });
  });

  test("lists all its problems at once, in the order of the file, with line and column", () => {
    const broken = `publicUrl: https://mcp.example.com/
servers:
  crm:
    upstrem: http://127.0.0.1:9001/mcp
    list: some
  CRM: { command: [x], upstream: "http://x/" }
`;
    expect(problems(broken)).toEqual([
      "sallyport.yaml:1:1: publicUrl: must not end in a slash: clients compare it byte for byte",
      "sallyport.yaml:4:5: servers.crm.upstrem: unknown setting; did you mean `upstream`?",
      'sallyport.yaml:5:5: servers.crm.list: must be one of "reachable", "granted"',
      expect.stringMatching(/^sallyport.yaml:6:3: servers.CRM: a server name is 1 to 40 of a-z/),
      expect.stringMatching(/^sallyport.yaml:6:3: servers.CRM: give exactly one of `upstream`/),
      expect.stringMatching(/^sallyport.yaml:6:3: servers.CRM: `access` is missing/),
    ]);
  });

  test("lists what is wrong with the meaning of the rest in the same breath", () => {
    const broken = `publicUrl: https://mcp.example.com/
log: { level: loud }
servers:
  crm:
    upstream: http://127.0.0.1:9001/mcp
    list: some
  wiki:
    command: [x]
    upstream: http://127.0.0.1:9002/mcp
    access: [{ roles: [staff], scopes: [mcp:admin] }]
`;
    expect(problems(broken)).toEqual([
      expect.stringMatching(/^sallyport.yaml:1:1: publicUrl: must not end in a slash/),
      expect.stringMatching(/^sallyport.yaml:2:8: log.level: must be one of/),
      expect.stringMatching(/^sallyport.yaml:6:5: servers.crm.list: must be one of/),
      expect.stringMatching(/^sallyport.yaml:7:3: servers.wiki: give exactly one of/),
      expect.stringMatching(/^sallyport.yaml:10:\d+: servers.wiki.access.0.scopes: unknown scope "mcp:admin"/),
    ]);
  });

  test("lists unknown scopes beside what has the wrong shape in a scope of the same server", () => {
    const broken = `${MINIMAL.replace("mcp:read", "crm:admin")}    baseline: [crm:none]
    scopes:
      crm:read: { allow: tools/get_* }
      crm:write: { includes: [crm:raed], allow: [tools/set_*] }
`;
    expect(problems(broken)).toEqual([
      expect.stringMatching(/^sallyport.yaml:6:\d+: servers.crm.access.0.scopes: unknown scope "crm:admin"/),
      expect.stringMatching(/^sallyport.yaml:7:5: servers.crm.baseline: unknown scope "crm:none"/),
      expect.stringMatching(/^sallyport.yaml:9:19: servers.crm.scopes.crm:read.allow: must be a list, and is a text/),
      expect.stringMatching(/^sallyport.yaml:10:20: servers.crm.scopes.crm:write.includes: unknown scope "crm:raed"/),
    ]);
  });

  const server = (...settings: readonly string[]) =>
    MINIMAL.replace(/ {4}access.*\n/, `    ${settings.join("\n    ")}\n`);
  test.each<[what: string, text: string, says: readonly RegExp[]]>([
    ["roles that are no list", MINIMAL.replace("[support]", "support"), [/access\.0\.roles: must be a list/]],
    [
      "an entry of access with two wrong types",
      server("access: [{ roles: support, scopes: mcp:read }]"),
      [/access\.0\.roles: must be a list/, /access\.0\.scopes: must be a list/],
    ],
    [
      "two entries of access with a wrong type each",
      server("access: [{ roles: support, scopes: [mcp:read] }, { users: ada, scopes: [mcp:read] }]"),
      [/access\.0\.roles: must be a list/, /access\.1\.users: must be a list/],
    ],
    [
      "roles that are no list, and no scopes",
      server("access: [{ roles: support }]"),
      [/access\.0\.scopes: must be a list, and is missing/, /access\.0\.roles: must be a list/],
    ],
    ["an entry of access that is a text", server("access: [support]"), [/access\.0: must be a mapping, and is a text/]],
    ["a server that is a number", MINIMAL.replace(/crm:[\s\S]*$/, "crm: 7\n"), [/servers\.crm: must be a mapping/]],
    ["servers that are a list", "servers: [crm]\n", [/servers: must be a mapping, and is a list/]],
  ])("with %s has no other problem", (_, text, says) => {
    expect(problems(text)).toEqual(says.map((one) => expect.stringMatching(one)));
  });

  test("with two wrong types in one list still lists what is wrong elsewhere", () => {
    const broken = `${server("access: [{ roles: support, scopes: mcp:read }]")}  wiki:
    access: [{ roles: [staff], scopes: [mcp:read] }]
`;
    expect(problems(broken).at(-1)).toMatch(/servers\.wiki: give exactly one of/);
  });

  const wrong: readonly (readonly [what: string, text: string, says: RegExp])[] = [
    [
      "a trailing slash of publicUrl",
      MINIMAL.replace("example.com", "example.com/"),
      /:2:1: publicUrl: must not end in a slash/,
    ],
    [
      "a publicUrl that clients would compare otherwise",
      MINIMAL.replace("mcp.example", "MCP.example"),
      /write it as https:\/\/mcp\.example\.com,/,
    ],
    ["a publicUrl with a query", MINIMAL.replace("example.com", "example.com?x=1"), /no query/],
    ["a server without access", MINIMAL.replace(/ {4}access.*\n/, ""), /:4:3: servers\.crm: `access` is missing/],
    [
      "a server with neither upstream nor command",
      MINIMAL.replace(/ {4}upstream.*\n/, ""),
      /exactly one of `upstream`/,
    ],
    ["a server name that cannot stand in a URL", MINIMAL.replace("crm:", "c/rm:"), /a server name is/],
    [
      "a scope that does not exist",
      MINIMAL.replace("mcp:read", "mcp:admin"),
      /:6:34: servers\.crm\.access\.0\.scopes: unknown scope "mcp:admin"/,
    ],
    ["an empty list", MINIMAL.replace(/access:[\s\S]*$/, "access: []\n"), /access: must have at least one entry/],
    ["access for nobody", MINIMAL.replace("roles: [support], ", ""), /say for whom/],
    ["a key that stands twice", `${MINIMAL}    list: granted\n    list: granted\n`, /not YAML/],
    [
      "half of a TLS pair",
      `${MINIMAL}listen: { tls: { cert: a.pem } }\n`,
      /both `listen.tls.cert` and `listen.tls.key`/,
    ],
    ["something that is not a mapping", "- 1\n", /must be a mapping/],
    ["no servers", "publicUrl: https://a.example\n", /name at least one server/],
  ];
  test.each(wrong)("with %s is refused", (_, text, says) => {
    expect(problems(text).join("\n")).toMatch(says);
  });
});
