import type { McpCall } from "./mcp-call.js";
import type { Principal } from "./principal.js";
import type { ScopeHierarchy } from "./scope.js";

/** What a condition may read besides principal and call. Header values are no basis for a decision, so there are none here. */
export interface RequestFacts {
  readonly method: "POST" | "GET" | "DELETE";
  /** Address of the peer as the listener saw it, or as a trusted proxy said. */
  readonly remoteAddress: string | undefined;
}

/** One rule. `applies` selects by kind and name; `when` is the condition. Both are pure; `when` may throw, which denies. */
export interface Rule {
  readonly id: string;
  readonly effect: "allow" | "deny";
  /** `record`: it is tried and told of, and changes no answer (`Allowed.recorded`). Default: it decides. */
  readonly mode?: "record";
  applies(call: McpCall): boolean;
  /**
   * `undefined`: unconditional. Otherwise the condition over arguments, principal, request and time. When `call.arguments` is unknown
   * a condition answers `"unknown"`: then it never hides a callable name and never shows one that is denied without arguments.
   */
  when?(input: EvaluationInput): boolean | "unknown";
  /** The public sentence of a denial. */
  readonly because: string;
}

/** Compiled from rules, tool catalogue and entitlements. An empty policy denies everything. */
export interface Policy {
  readonly hierarchy: ScopeHierarchy;
  /** Scopes that each, alone, permit this call, least first; empty = the name is unknown or mapped to nothing. */
  permittedBy(call: McpCall): readonly string[];
  readonly rules: readonly Rule[];
  /** Whether any rule names what servers ask of clients; absent: none does, and their answers need not be read for it. */
  readonly judgesRequests?: boolean;
  /** The rules that apply to a call, for policies that need not try them all; it must agree with `rules` and their `applies`. */
  rulesFor?(call: McpCall): readonly Rule[];
}

export interface EvaluationInput {
  readonly principal: Principal;
  /** The scopes that this principal *may be granted* here (the entitlement), hierarchy applied by `evaluate`. */
  readonly entitled: readonly string[];
  readonly call: McpCall;
  readonly request: RequestFacts;
  /** Integer seconds since the epoch. */
  readonly now: number;
}
