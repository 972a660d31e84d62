import type { ServerPolicy } from "../../policy/server-policy.js";
import type { User } from "../../sign-in/storage.js";
import type { AccountOptions } from "../overview.js";

/** One server, about which questions can be asked. Only those whose tokens are ours: what others grant is not known here. */
export interface ExplainedServer {
  /** In the configuration; `""` for the only one of `protect`. */
  readonly name: string;
  /** As people read it. */
  readonly title: string;
  readonly resource: string;
  /** What is in force now. */
  readonly policy: ServerPolicy;
  /** Names of the tools that the catalogue knows. */
  readonly tools: readonly string[];
}

export interface ExplainOptions {
  /** Grants, sessions and clients. */
  readonly account: AccountOptions;
  /** `iss` of the tokens. */
  readonly issuer: string;
  servers(): readonly ExplainedServer[];
  /** Who may ask about others, and see rules with their lines and conditions. Asked anew each time. */
  isOperator(sub: string): Promise<boolean>;
  /** What the records say of somebody on a server, as the gateway would use it; `undefined`: nobody there, or disabled. */
  entitlementOf(
    sub: string,
    server: string,
  ): Promise<{ readonly roles: readonly string[]; readonly entitled: readonly string[] } | undefined>;
}

/** Who asks. */
export interface Asker {
  readonly user: User;
  readonly operator: boolean;
}
