import type { Allowed, Decision, Denied, RecordedDenial } from "./decision.js";
import { byDetails } from "./evaluate-details.js";
import { UNKNOWN_ARGUMENTS } from "./mcp-call.js";
import type { EvaluationInput, Policy, Rule } from "./policy.js";
import type { Principal } from "./principal.js";
import { quote } from "./quote.js";
import { expandScopes, type ScopeHierarchy } from "./scope.js";

/**
 * Is that allowed? Pure; deny by default; an exception in a condition is a deny. Order (each step only if the one before passed):
 * 1. no scope of this policy permits the call, or none that the principal is entitled to → `unknown`
 * 2. a deny rule applies, or allow rules exist for it and none applies → `rule`. Judged as if every entitled scope were granted
 * 3. neither the token's scopes (∩ entitlement, hierarchy applied) permit it nor a detail of the token → `scope`, with the least entitled
 *    scope that would
 * 4. the rules again, for conditions that read the scopes really granted → `rule`
 * What servers ask of clients is judged by rules alone. Deny wins whatever the order of rules; where allow rules apply to a name, one of them has to hold.
 */
export function evaluate(policy: Policy, input: EvaluationInput): Decision {
  try {
    return decide(policy, input);
  } catch (cause) {
    return unknown(input, `policy failed: ${quote(cause instanceof Error ? cause.message : cause)}`);
  }
}

/** What a list may show: reachable now, reachable by stepping up, or nothing. `input.call.arguments` is `UNKNOWN_ARGUMENTS`. */
export function reachability(policy: Policy, input: EvaluationInput): "granted" | "step-up" | "hidden" {
  const decision = evaluate(policy, input);
  if (decision.outcome === "allow") return "granted";
  return decision.kind === "scope" ? "step-up" : "hidden";
}

function decide(policy: Policy, input: EvaluationInput): Decision {
  if (input.call.kind === "request") return decideRequest(policy, input);
  const permitting = policy.permittedBy(input.call);
  const entitled = expanded(policy.hierarchy, input.entitled);
  const possible = permitting.filter((scope) => entitled.has(scope));
  const [least] = possible;
  if (least === undefined) {
    return unknown(input, permitting.length === 0 ? "no scope permits the call" : "no entitled scope permits the call");
  }
  const applying = policy.rulesFor?.(input.call) ?? policy.rules.filter((rule) => rule.applies(input.call));
  const granted = expanded(policy.hierarchy, input.principal.scopes);
  // The usual case, at every call: no rule applies, so nothing has to be prepared for conditions.
  if (applying.length === 0) {
    const permitted = possible.find((scope) => granted.has(scope));
    if (permitted !== undefined) return { outcome: "allow", rule: `scope:${permitted}` };
    return byDetails(policy, input, possible) ?? scopeShort(least, possible);
  }
  const rules = applying.filter(({ mode }) => mode !== "record");
  const atBest = judge(rules, withScopes(input, entitled));
  if (typeof atBest === "object") return atBest;
  const effective = new Set([...granted].filter((scope) => entitled.has(scope)));
  const permitted = possible.find((scope) => effective.has(scope));
  const detailed = permitted === undefined ? byDetails(policy, input, possible) : undefined;
  if (permitted === undefined && detailed === undefined) return scopeShort(least, possible);
  const verdict = effective.size === entitled.size ? atBest : judge(rules, withScopes(input, effective));
  if (typeof verdict === "object") return verdict;
  const allowed: Allowed = detailed ?? { outcome: "allow", rule: verdict ?? `scope:${permitted}` };
  if (rules.length === applying.length) return allowed;
  const recorded = recordedDenials(applying, withScopes(input, effective));
  return recorded.length === 0 ? allowed : { ...allowed, recorded };
}

/** What a server asks needs no scope: it is allowed unless a rule says otherwise, by the scopes that are really granted. */
function decideRequest(policy: Policy, input: EvaluationInput): Decision {
  const applying = policy.rulesFor?.(input.call) ?? policy.rules.filter((rule) => rule.applies(input.call));
  if (applying.length === 0) return { outcome: "allow", rule: "default" };
  const entitled = expanded(policy.hierarchy, input.entitled);
  const granted = expanded(policy.hierarchy, input.principal.scopes);
  const seen = withScopes(input, new Set([...granted].filter((scope) => entitled.has(scope))));
  const rules = applying.filter(({ mode }) => mode !== "record");
  const verdict = judge(rules, seen);
  if (typeof verdict === "object") return verdict;
  const recorded = recordedDenials(applying, seen);
  const rule = verdict ?? "default";
  return recorded.length === 0 ? { outcome: "allow", rule } : { outcome: "allow", rule, recorded };
}

/** One caller's scopes come as the same arrays with every call, and with every tool of a list. */
const EXPANDED = new WeakMap<ScopeHierarchy, WeakMap<readonly string[], ReadonlySet<string>>>();

function expanded(hierarchy: ScopeHierarchy, scopes: readonly string[]): ReadonlySet<string> {
  let ofHierarchy = EXPANDED.get(hierarchy);
  if (ofHierarchy === undefined) {
    ofHierarchy = new WeakMap();
    EXPANDED.set(hierarchy, ofHierarchy);
  }
  let all = ofHierarchy.get(scopes);
  if (all === undefined) {
    all = expandScopes(hierarchy, scopes);
    ofHierarchy.set(scopes, all);
  }
  return all;
}

/** What rules in record mode would have refused, each as if it were the only one that is not yet in force. */
function recordedDenials(applying: readonly Rule[], input: EvaluationInput): readonly RecordedDenial[] {
  return applying.flatMap((rule) => {
    if (rule.mode !== "record") return [];
    const others = applying.filter((other) => other.effect === "allow" && other.mode !== "record");
    const verdict = judge(rule.effect === "deny" ? [rule] : [rule, ...others], input);
    return typeof verdict === "object" ? [{ rule: rule.id, reason: verdict.reason }] : [];
  });
}

/** As above: the same principal with the same scopes is asked about again and again. The last one made of each. */
const SCOPED = new WeakMap<Principal, { readonly scopes: ReadonlySet<string>; readonly principal: Principal }>();

function withScopes(input: EvaluationInput, scopes: ReadonlySet<string>): EvaluationInput {
  let known = SCOPED.get(input.principal);
  if (known?.scopes !== scopes) {
    // Not spreads with members behind them, which V8 11 (Node 20) takes microseconds for.
    known = { scopes, principal: Object.assign({}, input.principal, { scopes: [...scopes] }) };
    SCOPED.set(input.principal, known);
  }
  return Object.assign({}, input, { principal: known.principal });
}

/** A denial by one of the rules that apply, or the id of the allow rule that holds, or `undefined` where no allow rule applies. */
function judge(rules: readonly Rule[], input: EvaluationInput): Denied | string | undefined {
  const listing = input.call.arguments === UNKNOWN_ARGUMENTS;
  for (const rule of rules) {
    if (rule.effect !== "deny") continue;
    const held = holds(rule, input);
    // Only a list may leave a condition open. For a real call "unknown" means that nobody can tell, and that denies.
    if (held === "no" || (held === "unknown" && listing)) continue;
    return ruleDenies(rule, `deny rule ${held === "yes" ? "applies" : held}`);
  }
  const allows = rules.filter((rule) => rule.effect !== "deny");
  const [first] = allows;
  if (first === undefined) return undefined;
  const holding = allows.find((rule) => {
    const held = holds(rule, input);
    return held === "yes" || (held === "unknown" && listing);
  });
  return holding?.id ?? ruleDenies(first, "no allow rule holds");
}

function holds(rule: Rule, input: EvaluationInput): "yes" | "no" | "unknown" | `failed: ${string}` {
  if (rule.when === undefined) return "yes";
  try {
    const answer = rule.when(input);
    if (answer === "unknown") return "unknown";
    if (typeof answer === "boolean") return answer ? "yes" : "no";
    return "failed: not a boolean";
  } catch (cause) {
    return `failed: ${quote(cause instanceof Error ? cause.message : cause)}`;
  }
}

function ruleDenies(rule: Rule, reason: string): Denied {
  return { outcome: "deny", kind: "rule", rule: rule.id, reason, because: rule.because, scopes: [] };
}

function scopeShort(least: string, possible: readonly string[]): Denied {
  return {
    outcome: "deny",
    kind: "scope",
    rule: `scope:${least}`,
    reason: `token lacks ${possible.join(" or ")}`,
    because: `This needs the scope ${least}.`,
    scopes: [least],
  };
}

/** The public sentence is the same whether the name is hidden or absent. */
function unknown({ call }: EvaluationInput, reason: string): Denied {
  const because =
    call.name === undefined ? `${quote(call.method)} is not available.` : `Unknown ${call.kind}: ${quote(call.name)}`;
  return { outcome: "deny", kind: "unknown", rule: "default", reason, because, scopes: [] };
}
