import { describe, expect, test } from "vitest";
import { parseConfig } from "../config/load.js";
import { answerAsk } from "./ask.js";
import { differenceOf, parseExpectations } from "./expectations.js";
import { createMatrix } from "./matrix.js";
import { formatMatrixHtml } from "./matrix-html.js";
import { formatMatrix } from "./matrix-text.js";
import { checkPolicy, createServerPolicy } from "./server-policy.js";

const FILE = `
publicUrl: https://mcp.example.com
servers:
  crm:
    upstream: http://127.0.0.1:9001/mcp
    access:
      - { roles: [support], scopes: [write] }
      - { roles: [intern], scopes: [read] }
    scopes:
      read: { allow: [tools/get_*] }
      write: { includes: [read], allow: [tools/update_*] }
    rules:
      - deny: tools/get_secret
      - deny: tools/update_limit
        when: args.limit > 100
      - deny: tools/get_note
        mode: record
`;
const config = parseConfig(FILE, { file: "crm.yaml", environment: {}, checks: [checkPolicy] });
const server = { name: "crm", config: config.servers.crm! };
const policy = createServerPolicy(config, server, { scopeOf: () => undefined });

describe("the matrix", () => {
  test("says for scopes and roles who can do what, and where a condition decides", () => {
    const { rows, roles, scopes } = createMatrix(policy, "crm", ["get_note", "get_secret", "update_limit", "drop"]);
    expect([scopes, roles]).toEqual([
      ["read", "write"],
      ["support", "intern"],
    ]);
    expect(rows.map(({ target, byScope, byRole }) => [target, ...byScope, ...byRole])).toEqual([
      ["tools/drop", "no", "no", "no", "no"],
      ["tools/get_note", "yes", "yes", "yes", "yes"],
      ["tools/get_secret", "no", "no", "no", "no"],
      ["tools/update_limit", "no", "if", "if", "no"],
    ]);
  });

  test("has the globs of the file where the tools are not known", () => {
    expect(createMatrix(policy, "crm", []).rows.map(({ target }) => target)).toContain("tools/update_*");
  });

  test("names the condition behind every `if`", () => {
    expect(formatMatrix(createMatrix(policy, "crm", ["update_limit"]))).toContain(
      "tools/update_limit: deny when args.limit > 100  (crm.rules[1]@crm.yaml:",
    );
  });

  test("says so where nothing is known of the tools", () => {
    const matrix = createMatrix(policy, "crm", []);
    expect(formatMatrix({ ...matrix, rows: [] })).toContain("Nothing is known of its tools yet");
    expect(formatMatrix(matrix)).not.toContain("Nothing is known");
  });

  test("is a page without script in which names of tools are text", () => {
    const page = formatMatrixHtml([createMatrix(policy, "crm", ["get_<script>alert(1)</script>"])]);
    expect(page).toContain("get_<wbr>&lt;script&gt;");
    expect(page).not.toMatch(/<script|src=|href=|url\(/);
  });
});

describe("expectations", () => {
  const differ = (text: string) =>
    parseExpectations(`tests:\n${text}`, "/x/crm.tests.yaml").map((one) =>
      differenceOf(one, answerAsk(policy, one.ask, { name: "crm", now: 1_800_000_000 })),
    );

  test.each([
    ["allow", "{ sub: a, roles: support, scope: read, tool: get_x, expect: allow }"],
    ["any refusal", "{ sub: a, roles: support, scope: read, tool: update_x, expect: deny }"],
    ["a missing scope", "{ sub: a, roles: [support], scope: read, tool: update_x, expect: step-up }"],
    ["a missing name", "{ sub: a, roles: [support], scope: read, tool: drop, expect: unknown }"],
    ["the rule that decides", "{ sub: a, roles: support, tool: get_secret, expect: deny, rule: 'crm.rules[0]' }"],
    ["arguments", "{ sub: a, roles: support, scope: write, tool: update_limit, args: { limit: 101 }, expect: deny }"],
  ])("are met by %s", (_, text) => {
    expect(differ(`  - ${text}`)).toEqual([undefined]);
  });

  test("show what was wanted and what came", () => {
    expect(differ("  - { sub: a, roles: support, scope: read, tool: update_x, expect: allow }")).toEqual([
      "- allow\n+ step-up by scope:write: it needs write, which the token lacks and the subject may be granted",
    ]);
    expect(differ("  - { sub: a, tool: get_x, expect: deny, rule: 'crm.rules[0]' }")[0]).toContain(
      "- deny by crm.rules[0]",
    );
  });

  test("are refused with line and column when they are none", () => {
    expect(() => differ("  - { sub: a, tol: x, expect: allow }")).toThrow(/crm\.tests\.yaml:2:\d+: tests\.0/);
    expect(() => differ("  - [")).toThrow(/not YAML/);
  });
});
