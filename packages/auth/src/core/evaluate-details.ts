import { hasExpired, matchesCall } from "./call-detail-match.js";
import { scopeOfTool } from "./call-details.js";
import type { Allowed } from "./decision.js";
import type { EvaluationInput, Policy } from "./policy.js";
import { expandScopes } from "./scope.js";

/**
 * What was agreed to in particular, where the scopes are short: calls that a detail speaks of, and the messages of the protocol, without which
 * no call can be made. A detail counts for no more than the scope that this very tool needed when it was granted, so that a tool that came to
 * need more, or a catalogue that changed, takes it away. Those for many calls come first: a `once` is used up for nothing else.
 */
export function byDetails(policy: Policy, input: EvaluationInput, possible: readonly string[]): Allowed | undefined {
  const { principal, call, now } = input;
  if (principal.details === undefined) return undefined;
  if (call.kind === "protocol") {
    const open = principal.details.find((detail) => !hasExpired(detail, now));
    return open && { outcome: "allow", rule: `detail:${open.id}` };
  }
  const matching = principal.details.filter(
    (detail) => matchesCall(detail, call, now) && isUnderScope(policy, scopeOfTool(detail, call.name ?? ""), possible),
  );
  const chosen = matching.find(({ once }) => once !== true) ?? matching[0];
  if (chosen === undefined) return undefined;
  const rule = `detail:${chosen.id}`;
  // A task is judged as the call that made it, which has used it up.
  const counts = chosen.once === true && call.method === "tools/call";
  return counts ? { outcome: "allow", rule, once: matching } : { outcome: "allow", rule };
}

function isUnderScope({ hierarchy }: Policy, scope: string | undefined, possible: readonly string[]): boolean {
  if (scope === undefined) return false;
  const under = expandScopes(hierarchy, [scope]);
  return possible.some((each) => under.has(each));
}
