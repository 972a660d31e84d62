import { type Policy, type Rule, scopePolicy } from "@sallyport/auth";
import type { ScopeConfig } from "../config/schema.js";

/**
 * The policy of a server with a `scopes:` section: only what it maps exists (see {@link scopePolicy}). Protocol calls (initialize, lists, ping)
 * need any one of the server's scopes, of which those of the baseline are asked for first.
 * @throws TypeError for a malformed glob or scope name, a glob outside the three kinds, an unknown included scope, a cycle, or a baseline
 * scope that is not there.
 */
export function createScopesPolicy(options: {
  readonly scopes: Readonly<Record<string, ScopeConfig>>;
  readonly baseline: readonly string[];
  readonly rules?: readonly Rule[];
}): Policy {
  const { scopes, baseline, rules = [] } = options;
  const missing = baseline.filter((scope) => !Object.hasOwn(scopes, scope));
  if (missing.length > 0) throw new TypeError(`baseline: ${missing.join(", ")} not among the scopes`);
  const policy = scopePolicy({ scopes, rules });
  const ofProtocol = [...new Set([...baseline, ...policy.scopes])];
  return {
    hierarchy: policy.hierarchy,
    rules: policy.rules,
    permittedBy: (call) => (call.kind === "protocol" ? ofProtocol : policy.permittedBy(call)),
  };
}
