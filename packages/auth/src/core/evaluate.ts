import type { Decision } from "./decision.js";
import type { EvaluationInput, Policy } from "./policy.js";

/**
 * Is that allowed? Pure; deny by default; an exception in a condition is a deny. Order (each step only if the one before passed):
 * 1. no scope of this policy permits the call, or none that the principal is entitled to → `unknown`
 * 2. a deny rule applies, or allow rules exist for it and none applies → `rule`
 * 3. the token's scopes (∩ entitlement, hierarchy applied) do not permit it → `scope`, with the least entitled scope that would
 */
export function evaluate(policy: Policy, input: EvaluationInput): Decision {
  throw new TypeError(String(policy) + String(input));
}

/** What a list may show: reachable now, reachable by stepping up, or nothing. `input.call.arguments` is `UNKNOWN_ARGUMENTS`. */
export function reachability(policy: Policy, input: EvaluationInput): "granted" | "step-up" | "hidden" {
  throw new TypeError(String(policy) + String(input));
}
