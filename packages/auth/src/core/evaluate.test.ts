import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Decision } from "./decision.js";
import { evaluate, reachability } from "./evaluate.js";
import { type McpCall, UNKNOWN_ARGUMENTS } from "./mcp-call.js";
import type { EvaluationInput, Policy, Rule } from "./policy.js";
import { createScopeHierarchy } from "./scope.js";

const call: McpCall = {
  server: "crm",
  revision: "2025-11-25",
  method: "tools/call",
  kind: "tool",
  name: "update_customer",
  arguments: { credit_limit: 5 },
};
const listed: McpCall = { ...call, arguments: UNKNOWN_ARGUMENTS };

const input = (granted: string, entitled = "write", asked = call): EvaluationInput => ({
  principal: {
    iss: "https://as.example",
    sub: "u",
    client_id: "c",
    sid: "s",
    jti: "j",
    scopes: granted.split(" ").filter(Boolean),
    kind: "user",
    actor: undefined,
    chain: [],
    cnf: undefined,
    roles: [],
    exp: 2,
    iat: 1,
  },
  entitled: entitled.split(" ").filter(Boolean),
  call: asked,
  request: { method: "POST", remoteAddress: "127.0.0.1" },
  now: 1,
});

const rule = (id: string, effect: "allow" | "deny", when?: Rule["when"]): Rule => ({
  id,
  effect,
  applies: (asked) => asked.name === "update_customer",
  ...(when && { when }),
  because: `Because of ${id}.`,
});
const policy = (rules: readonly Rule[] = [], permitting = ["write", "admin"]): Policy => ({
  hierarchy: createScopeHierarchy({ admin: ["write"], write: ["read"] }),
  permittedBy: (asked) => (asked.name === "update_customer" ? permitting : []),
  rules,
});
const boom = () => {
  throw new Error("boom");
};
const brief = (decision: Decision) =>
  decision.outcome === "allow"
    ? `allow ${decision.rule}`
    : `${decision.kind} ${decision.rule}${decision.scopes.map((scope) => ` +${scope}`).join("")}`;

const allowA = rule("a", "allow", () => true);
const never = rule("n", "allow", () => false);
const denyD = rule("d", "deny", () => true);
const pass = rule("p", "deny", () => false);
const open = rule("o", "allow", () => "unknown");
const openDeny = rule("od", "deny", () => "unknown");

describe("evaluate", () => {
  it.each<[string, readonly Rule[], string, string, string]>([
    ["permits by a scope", [], "write", "write", "allow scope:write"],
    ["permits by a broader scope (R-18)", [], "admin", "admin", "allow scope:write"],
    ["names the least entitled scope", [], "read", "write", "scope scope:write +write"],
    ["names the least scope also where the entitlement is broader", [], "", "admin", "scope scope:write +write"],
    ["has no answer but unknown without entitlement", [], "write", "read", "unknown default"],
    ["has no answer but unknown without any entitlement", [], "admin write", "", "unknown default"],
    ["cuts a token down to the entitlement", [], "admin", "write", "allow scope:write"],
    ["denies by an unconditional rule", [rule("u", "deny")], "write", "write", "rule u"],
    ["denies by a condition", [denyD], "write", "write", "rule d"],
    ["goes on where a deny condition does not hold", [pass], "write", "write", "allow scope:write"],
    ["denies by rule before it asks for a scope", [denyD], "read", "write", "rule d"],
    ["says unknown before it says that a rule denies", [denyD], "write", "read", "unknown default"],
    ["lets one allow rule suffice", [never, allowA], "write", "write", "allow a"],
    ["denies where no allow rule holds", [never], "write", "write", "rule n"],
    ["needs the scope beside the allow rule", [allowA], "read", "write", "scope scope:write +write"],
    ["lets deny win over allow, last", [allowA, denyD], "write", "write", "rule d"],
    ["lets deny win over allow, first", [denyD, allowA], "write", "write", "rule d"],
    ["denies where a deny condition throws", [rule("b", "deny", boom)], "write", "write", "rule b"],
    ["denies where an allow condition throws", [rule("b", "allow", boom)], "write", "write", "rule b"],
    ["lets another allow rule hold where one throws", [rule("b", "allow", boom), allowA], "write", "write", "allow a"],
    ["denies where a deny condition cannot tell", [openDeny], "write", "write", "rule od"],
    ["denies where an allow condition cannot tell", [open], "write", "write", "rule o"],
    ["denies where a condition answers no boolean", [rule("b", "deny", () => 0 as never)], "write", "write", "rule b"],
    ["takes no other truth for true", [rule("b", "allow", () => 1 as never)], "write", "write", "rule b"],
  ])("%s", (_, rules, granted, entitled, expected) => {
    expect(brief(evaluate(policy(rules), input(granted, entitled)))).toBe(expected);
  });

  it("denies everything with an empty policy", () => {
    const empty: Policy = { hierarchy: new Map(), permittedBy: () => [], rules: [] };
    expect(brief(evaluate(empty, input("write admin", "write admin")))).toBe("unknown default");
  });

  it("ignores rules for other names", () => {
    const other: Rule = { ...denyD, applies: () => false };
    expect(brief(evaluate(policy([other, { ...never, applies: () => false }]), input("write")))).toBe(
      "allow scope:write",
    );
  });

  it.each([
    ["permittedBy", { ...policy(), permittedBy: boom }],
    ["applies", policy([{ ...allowA, applies: boom }])],
  ])("denies where %s throws", (_, broken) => {
    expect(evaluate(broken, input("write"))).toMatchObject({
      outcome: "deny",
      kind: "unknown",
      reason: expect.stringContaining("boom"),
    });
  });

  it("answers for a hidden name as for an absent one", () => {
    const absent = { ...call, name: "no_such" };
    const hidden = evaluate(policy(), input("write", "read"));
    const missing = evaluate(policy(), input("write", "write", absent));
    expect(hidden).toMatchObject({ because: 'Unknown tool: "update_customer"' });
    expect(missing).toMatchObject({ because: 'Unknown tool: "no_such"', kind: "unknown", scopes: [] });
  });

  it("gives the public sentence of the rule, and keeps what a condition threw for the log", () => {
    const decision = evaluate(policy([rule("b", "deny", boom)]), input("write"));
    expect(decision).toMatchObject({ because: "Because of b.", reason: expect.stringContaining("boom") });
  });

  it("judges rules as if every entitled scope were granted, so that nobody is sent to consent in vain", () => {
    const wantsWrite = rule("w", "deny", ({ principal }) => !principal.scopes.includes("write"));
    expect(brief(evaluate(policy([wantsWrite]), input("read")))).toBe("scope scope:write +write");
    const noAdmin = rule("x", "deny", ({ principal }) => principal.scopes.includes("admin"));
    expect(brief(evaluate(policy([noAdmin]), input("read", "admin")))).toBe("rule x");
  });

  it("judges rules by the scopes really granted too, once the scope suffices", () => {
    const wantsAdmin = rule("w", "deny", ({ principal }) => !principal.scopes.includes("admin"));
    expect(brief(evaluate(policy([wantsAdmin]), input("write", "admin")))).toBe("rule w");
    expect(brief(evaluate(policy([wantsAdmin]), input("admin", "admin")))).toBe("allow scope:write");
  });
});

describe("reachability (R-40)", () => {
  it.each<[string, readonly Rule[], string, string, string]>([
    ["shows what is granted", [], "write", "write", "granted"],
    ["shows what stepping up would reach", [], "read", "write", "step-up"],
    ["hides what is beyond the entitlement", [], "write", "read", "hidden"],
    ["hides what a rule denies without arguments", [denyD], "write", "write", "hidden"],
    ["does not hide what a rule may deny for some arguments", [openDeny], "write", "write", "granted"],
    ["does not hide what a rule may allow for some arguments", [open], "read", "write", "step-up"],
    ["hides what no allow rule can allow", [never], "write", "write", "hidden"],
    ["hides what a condition fails on", [rule("b", "deny", boom)], "write", "write", "hidden"],
  ])("%s", (_, rules, granted, entitled, expected) => {
    expect(reachability(policy(rules), input(granted, entitled, listed))).toBe(expected);
  });
});

describe("evaluate, for any set of rules", () => {
  const outcome = fc.constantFrom<() => boolean | "unknown">(
    () => true,
    () => false,
    () => "unknown",
    boom,
  );
  const anyRule = fc
    .record({
      id: fc.string({ minLength: 1, maxLength: 3 }),
      effect: fc.constantFrom("allow" as const, "deny" as const),
      when: outcome,
      hit: fc.boolean(),
    })
    .map(({ id, effect, when, hit }): Rule => ({ id, effect, when, applies: () => hit, because: "x" }));
  const scopes = fc.subarray(["read", "write", "admin", "other"]).map((list) => list.join(" "));
  const rulesOf = fc.array(anyRule, { maxLength: 5 });

  it("the order of rules changes no outcome", () => {
    fc.assert(
      fc.property(rulesOf, scopes, scopes, (rules, granted, entitled) => {
        const kind = (list: readonly Rule[]) => {
          const decision = evaluate(policy(list), input(granted, entitled));
          return decision.outcome === "allow" ? "allow" : decision.kind;
        };
        expect(kind([...rules].reverse())).toBe(kind(rules));
      }),
    );
  });

  it("what is allowed is permitted by a scope both granted and entitled, by no denying rule, and by every kind of allow", () => {
    fc.assert(
      fc.property(rulesOf, scopes, scopes, (rules, granted, entitled) => {
        if (evaluate(policy(rules), input(granted, entitled)).outcome !== "allow") return;
        expect(granted).toMatch(/write|admin/);
        expect(entitled).toMatch(/write|admin/);
        const hits = rules.filter((each) => each.applies(call));
        const holds = (each: Rule) => {
          try {
            return each.when?.(input(granted, entitled));
          } catch {
            return "thrown";
          }
        };
        expect(hits.filter((each) => each.effect === "deny").every((each) => holds(each) === false)).toBe(true);
        const allows = hits.filter((each) => each.effect === "allow");
        expect(allows.length === 0 || allows.some((each) => holds(each) === true)).toBe(true);
      }),
    );
  });

  it("a list never hides what a call could reach", () => {
    fc.assert(
      fc.property(rulesOf, scopes, scopes, (rules, granted, entitled) => {
        const decision = evaluate(policy(rules), input(granted, entitled));
        if (decision.outcome === "allow")
          expect(reachability(policy(rules), input(granted, entitled, listed))).toBe("granted");
      }),
    );
  });
});
