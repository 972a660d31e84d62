import type { CallDetail } from "./call-details.js";

/**
 * The answer to "is that allowed?" for one {@link McpCall}. A refusal is a value, not an exception.
 *
 * The kinds of denial are in the order in which they are decided (design: the order of a decision), and each has its own wire answer:
 * - `unknown`: no such name for this caller; answered exactly as if it did not exist.
 * - `rule`: a rule denies, also if every entitled scope were granted; consent would not help, so there is no challenge.
 * - `scope`: the grant is short; `scopes` are what to ask for.
 */
export type Decision = Allowed | Denied;

export interface Allowed {
  readonly outcome: "allow";
  /**
   * Stable id of what decided: a rule id, or `scope:<name>` for the scope that permits it, or `detail:<id>` for what was agreed to in
   * particular (RFC 9396), where no scope does.
   */
  readonly rule: string;
  /** Details of one call only, each of which would do. One has to be used up before the call goes on; absent where none is needed. */
  readonly once?: readonly CallDetail[];
  /** What rules in record mode would have refused; absent where none would. */
  readonly recorded?: readonly RecordedDenial[];
}

/** A denial that a rule in record mode would have been. */
export interface RecordedDenial {
  readonly rule: string;
  readonly reason: string;
}

export interface Denied {
  readonly outcome: "deny";
  readonly kind: "unknown" | "rule" | "scope";
  /** Stable id of what decided. */
  readonly rule: string;
  /** For the log: machine-readable, may name internals. */
  readonly reason: string;
  /** The public sentence: for the caller, says nothing that the caller may not know. */
  readonly because: string;
  /** For `scope`: the scopes that would change the answer, all of them, least first. Else empty. */
  readonly scopes: readonly string[];
}
