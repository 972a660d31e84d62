import { type EvaluationInput, evaluate, type JsonObject, reachability, UNKNOWN_ARGUMENTS } from "@sallyport/auth";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseConfig } from "../config/load.js";
import type { RuleConfig } from "../config/schema.js";
import { createServerPolicy } from "./server-policy.js";

/** Every argument of the calls there are: small enough to try them all. */
const VALUES = [undefined, 0, 1, "x", null] as const;
const ALL_ARGUMENTS: readonly JsonObject[] = VALUES.flatMap((a) =>
  VALUES.map((b) => ({ ...(a !== undefined && { a }), ...(b !== undefined && { b }) }) as JsonObject),
);

const OF_ARGUMENTS = ["args.a == 1", "args.a > 0", "has(args.b)", "args.b == null", "args.a == args.b", "args.a == 0"];
const OF_CALLER = [
  'principal.sub == "alice"',
  '"boss" in principal.roles',
  'principal.actor.sub == "agent"',
  '"w" in principal.scopes',
  "true",
  "false",
];
const conditions = fc.letrec<{ condition: string }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(...OF_ARGUMENTS, ...OF_CALLER),
    fc.tuple(tie("condition"), fc.constantFrom("&&", "||"), tie("condition")).map(([l, o, r]) => `(${l} ${o} ${r})`),
    tie("condition").map((inner) => `!(${inner})`),
  ),
})).condition;

const rule: fc.Arbitrary<RuleConfig> = fc
  .record({
    effect: fc.constantFrom("deny" as const, "allow" as const),
    when: fc.option(conditions, { nil: undefined, freq: 4 }),
  })
  .map(({ effect, when }) => ({ [effect]: "tools/t", ...(when !== undefined && { when }) }));

const who = fc.record({
  sub: fc.constantFrom("alice", "bob"),
  roles: fc.subarray(["boss"]),
  scopes: fc.subarray(["r", "w"]),
  entitled: fc.subarray(["r", "w"]),
  actor: fc.option(fc.constantFrom("agent", "other"), { nil: undefined }),
});
type Who = typeof who extends fc.Arbitrary<infer T> ? T : never;

const base = parseConfig(
  "publicUrl: https://x.example\nservers: { s: { upstream: http://x/, access: [{ users: [a], scopes: [r] }], scopes: { r: { allow: [tools/t] }, w: {} } } }",
  { file: "x.yaml", environment: {} },
);
const policyOf = (rules: readonly RuleConfig[]) =>
  createServerPolicy(
    { ...base, servers: { s: { ...base.servers.s!, rules } } },
    { name: "s", config: base.servers.s! },
    { scopeOf: () => undefined },
  );

const inputOf = (
  { sub, roles, scopes, entitled, actor }: Who,
  args: JsonObject | typeof UNKNOWN_ARGUMENTS,
): EvaluationInput => ({
  principal: {
    ...{
      iss: "",
      sub,
      client_id: "c",
      sid: undefined,
      jti: undefined,
      scopes,
      kind: "user",
      cnf: undefined,
      roles,
      exp: 0,
      iat: 0,
    },
    actor: actor === undefined ? undefined : { sub: actor },
    chain: [],
  },
  entitled,
  call: { server: "s", revision: "2025-11-25", method: "tools/call", kind: "tool", name: "t", arguments: args },
  request: { method: "POST", remoteAddress: undefined },
  now: 0,
});

describe("a list", () => {
  test("hides no tool that some arguments could call, now or by stepping up", () => {
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 4 }), who, (rules, caller) => {
        const { policy } = policyOf(rules);
        const listed = reachability(policy, inputOf(caller, UNKNOWN_ARGUMENTS));
        const decisions = ALL_ARGUMENTS.map((args) => evaluate(policy, inputOf(caller, args)));
        const callable = decisions.some((one) => one.outcome === "allow");
        const steppable = decisions.some((one) => one.outcome === "deny" && one.kind === "scope");
        if (callable) expect(listed).toBe("granted");
        if (steppable) expect(listed).not.toBe("hidden");
      }),
      { numRuns: 1000 },
    );
  });

  test("hides no tool for an error beside what is not known yet", () => {
    const when = '(principal.actor.sub == "agent" && args.a == 1) || (args.a == 1 && !("w" in principal.scopes))';
    const caller: Who = { sub: "alice", roles: [], scopes: [], entitled: ["r", "w"], actor: undefined };
    const { policy } = policyOf([{ deny: "tools/t", when }]);
    expect(reachability(policy, inputOf(caller, UNKNOWN_ARGUMENTS))).toBe("step-up");
  });

  test("shows exactly what can be called or stepped up to, where no rule reads arguments", () => {
    const ofCaller = rule.filter(({ when = "" }) => !when.includes("args."));
    fc.assert(
      fc.property(
        fc.array(ofCaller, { maxLength: 4 }),
        who,
        fc.constantFrom(...ALL_ARGUMENTS),
        (rules, caller, args) => {
          const { policy } = policyOf(rules);
          const decided = evaluate(policy, inputOf(caller, args));
          const expected = decided.outcome === "allow" ? "granted" : decided.kind === "scope" ? "step-up" : "hidden";
          expect(reachability(policy, inputOf(caller, UNKNOWN_ARGUMENTS))).toBe(expected);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test("shows no tool that is denied without its arguments", () => {
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 4 }), who, (rules, caller) => {
        const withoutArguments = rules.filter(({ deny, when = "" }) => deny !== undefined && !when.includes("args."));
        const decided = evaluate(policyOf(withoutArguments).policy, inputOf(caller, {}));
        if (decided.outcome === "allow" || decided.kind === "scope") return;
        expect(reachability(policyOf(rules).policy, inputOf(caller, UNKNOWN_ARGUMENTS))).toBe("hidden");
      }),
      { numRuns: 1000 },
    );
  });
});
