import type { McpCall, Policy, Rule, ScopeHierarchy } from "@sallyport/auth";
import type { ServerPolicy } from "./server-policy.js";

/**
 * The policy of one server, whichever is in force. It is changed between two decisions and never within one: a decision is synchronous,
 * and so are the decisions of one body together, so that no request sees half of the old policy and half of the new.
 */
export class PolicyHolder implements Policy {
  #current: ServerPolicy;

  constructor(current: ServerPolicy) {
    this.#current = current;
  }

  get current(): ServerPolicy {
    return this.#current;
  }

  swap(next: ServerPolicy): void {
    this.#current = next;
  }

  get hierarchy(): ScopeHierarchy {
    return this.#current.policy.hierarchy;
  }

  get rules(): readonly Rule[] {
    return this.#current.policy.rules;
  }

  get judgesRequests(): boolean {
    return this.#current.policy.judgesRequests ?? false;
  }

  permittedBy(call: McpCall): readonly string[] {
    return this.#current.policy.permittedBy(call);
  }

  rulesFor(call: McpCall): readonly Rule[] {
    const { policy } = this.#current;
    return policy.rulesFor?.(call) ?? policy.rules.filter((rule) => rule.applies(call));
  }
}
