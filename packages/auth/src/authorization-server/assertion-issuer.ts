import type { ClaimRules } from "../oauth/claim-rules.js";
import type { JsonClaims } from "../oauth/jws.js";
import type { KeySet } from "../oauth/key-set.js";

/** A server whose assertions are exchanged for tokens here (RFC 7521 §4.1). What it may vouch for is said below, and nothing else is. */
export interface TrustedAssertionIssuer {
  /** Exactly as in `iss`. */
  readonly issuer: string;
  readonly keys: KeySet;
  /**
   * Enterprise-managed authorization: the person here that an ID-JAG of this issuer is about; `undefined`: nobody. Keyed by (issuer, sub),
   * never by an address of mail. Absent: ID-JAGs of this issuer are refused.
   */
  subjectOf?(claims: JsonClaims): Promise<string | undefined>;
  /** Workload identity: the first rule whose claims all hold says which client a workload is. Absent: none is. */
  readonly workloads?: readonly WorkloadRule[];
}

export interface WorkloadRule {
  /** The workload's tokens are this client's own: `sub` and `client_id`, entitled like it. */
  readonly client_id: string;
  /** Where it may go; default: wherever the client is entitled. */
  readonly resources?: readonly string[];
  /** At least one: the issuer alone may speak for half the world. */
  readonly claims: ClaimRules;
}
