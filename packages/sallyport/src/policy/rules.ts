import {
  type CallGlob,
  createCallGlob,
  type McpCall,
  namesRequests,
  type Policy,
  type Rule,
  targetOf,
} from "@sallyport/auth";
import type { Problem } from "../config/problem.js";
import type { Config, RuleConfig } from "../config/schema.js";
import { type Condition, ConditionError, compileCondition } from "./condition.js";
import { createIndex } from "./rule-index.js";

/** A rule with what it was made from, for those who explain it. */
export interface PolicyRule extends Rule {
  readonly patterns: readonly CallGlob[];
  readonly condition: Condition | undefined;
  /** Line in the file; absent where there is none. */
  readonly line: number | undefined;
}

const NONE: readonly PolicyRule[] = [];

type Path = readonly (string | number)[];

/** What a caller is told where a rule says nothing itself. */
const NO_REASON = "A rule of this server does not allow it.";

/**
 * The rules of one server: those of all servers, then its own. Ids name the place in the file, so that they stay as long as the rule does.
 * @throws ConditionError or TypeError for what {@link checkRules} would have reported.
 */
export function compileRules(
  config: Pick<Config, "rules" | "servers" | "source">,
  server: string,
): readonly PolicyRule[] {
  const own = config.servers[server];
  const compile = (path: Path, rules: readonly RuleConfig[], prefix: string) =>
    rules.map((rule, index) => {
      const line = config.source?.lineOf([...path, index]);
      const place = line === undefined ? "" : `@${config.source?.file}:${line}`;
      // A rule's own word counts more than its server's.
      const mode = rule.mode ?? own?.mode ?? "enforce";
      return compileRule({ ...rule, mode }, { id: `${prefix}rules[${index}]${place}`, line });
    });
  return [
    ...compile(["rules"], config.rules, ""),
    ...compile(["servers", server, "rules"], own?.rules ?? [], server === "" ? "" : `${server}.`),
  ];
}

function compileRule(rule: RuleConfig, place: { readonly id: string; readonly line: number | undefined }): PolicyRule {
  const patterns = patternsOf(rule).map(createCallGlob);
  const condition = rule.when === undefined ? undefined : compileCondition(rule.when);
  return {
    ...place,
    effect: rule.deny === undefined ? "allow" : "deny",
    ...(rule.mode === "record" && { mode: rule.mode }),
    patterns,
    condition,
    applies: (call) => {
      const target = targetOf(call);
      return target !== undefined && patterns.some((pattern) => pattern.matches(target));
    },
    ...(condition !== undefined && { when: (input) => condition.evaluate(input) }),
    because: rule.because ?? NO_REASON,
  };
}

function patternsOf({ deny, allow }: RuleConfig): readonly string[] {
  return [deny ?? allow ?? []].flat();
}

/** Every problem of every rule of the file, with its place; for `parseConfig`. */
export function checkRules(config: Config): readonly Problem[] {
  return [
    ...checkList(["rules"], config.rules),
    ...Object.entries(config.servers).flatMap(([name, { rules }]) => checkList(["servers", name, "rules"], rules)),
  ];
}

function checkList(path: Path, rules: readonly RuleConfig[]): readonly Problem[] {
  return rules.flatMap((rule, index) => [
    ...checkPatterns([...path, index], rule),
    ...checkWhen([...path, index, "when"], rule),
  ]);
}

function checkPatterns(path: Path, rule: RuleConfig): readonly Problem[] {
  const effect = rule.deny === undefined ? "allow" : "deny";
  const isList = Array.isArray(rule[effect]);
  return patternsOf(rule).flatMap((pattern, index) => {
    const message = problemOf(() => createCallGlob(pattern));
    return message === undefined ? [] : [{ path: [...path, effect, ...(isList ? [index] : [])], message }];
  });
}

function problemOf(attempt: () => unknown): string | undefined {
  try {
    attempt();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function checkWhen(path: Path, { when, allow }: RuleConfig): readonly Problem[] {
  if (when === undefined) return [];
  try {
    const { reads } = compileCondition(when);
    if (allow === undefined || !reads.has("principal.chain")) return [];
    // RFC 8693 §4.1: earlier actors are informational, and not to be considered in access control; refusing by them is the safe direction.
    const offset = when.indexOf("chain");
    return [
      {
        path,
        offset,
        message: "`principal.chain` can be read by `deny` rules only; `principal.actor` is who acts now",
      },
    ];
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error;
    return error.problems.map(({ offset, message }) => ({ path, offset, message }));
  }
}

/** A policy with its rules indexed by what they name: hundreds of rules on other things cost a few look-ups. */
export function withRules(policy: Policy, rules: readonly PolicyRule[]): Policy {
  const find = createIndex(rules);
  return {
    hierarchy: policy.hierarchy,
    permittedBy: (call) => policy.permittedBy(call),
    rules,
    judgesRequests: rules.some(({ patterns }) => patterns.some(namesRequests)),
    rulesFor: (call: McpCall) => {
      const target = targetOf(call);
      return target === undefined ? NONE : find(target);
    },
  };
}
