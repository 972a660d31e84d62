import { describe, expect, test } from "vitest";
import { parseConfig } from "../config/load.js";
import { namedRoles } from "./named-roles.js";

const rolesOf = (text: string) => namedRoles(parseConfig(text, { file: "sallyport.yaml", environment: {} }));

const rule = (when: string) => `{ deny: tools/refund, when: ${JSON.stringify(when)} }`;

const file = (own: string, all = "") => `
operators: { roles: [security] }
servers:
  crm:
    upstream: http://127.0.0.1:9001/mcp
    access: [{ roles: [support, staff], scopes: [mcp:read] }, { users: [ada], scopes: [mcp:write] }]
    rules: [${own}]
  wiki:
    upstream: http://127.0.0.1:9002/mcp
    access: [{ roles: [staff], scopes: [mcp:read] }]
rules: [${all}]
`;
const OTHERS = ["security", "staff", "support"];

describe("the roles that a file names", () => {
  test("are those of access, operators and the rules of one server and of all", () => {
    const own = rule('args.amount > 100.0 && !("lead" in principal.roles)');
    const all = rule('[1, 2].exists(n, n > 1 && "boss" in principal.roles) ? principal.sub == "x" : false');
    expect(rolesOf(file(own, all))).toEqual(["boss", "lead", ...OTHERS]);
  });

  test.each(['"lead" in principal.scopes', 'args.roles == "lead"', '{"roles": "lead"}.roles == principal.sub'])(
    "are none of the other words of %s",
    (when) => expect(rolesOf(file(rule(when)))).toEqual(OTHERS),
  );

  test.each([
    'principal.roles.exists(role, role.startsWith("lead"))',
    '"support" in principal.roles && size(principal.roles) > 1',
    '["lead"].exists(role, role in principal.roles)',
    "args.role in principal.roles",
    'principal["roles"] == ["lead"]',
    '{"a": principal.roles}.a == ["lead"]',
  ])("cannot be said where a condition is %s", (when) => expect(rolesOf(file("", rule(when)))).toBeUndefined());
});
