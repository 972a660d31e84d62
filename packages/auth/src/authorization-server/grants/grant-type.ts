import type { Parameters } from "../../oauth/parameters.js";
import type { KeyProven } from "../steps/prove-key.js";
import type { ClientRecord } from "../storage.js";

/** A token request whose client has authenticated. `parameters` holds the grant's own ones and nothing else. */
export interface TokenRequest extends KeyProven {
  readonly client: ClientRecord;
  readonly parameters: Parameters;
}

/** One way to a token. Adding a file with these three things, and a line to the table, adds a grant. */
export interface GrantType {
  /** Value of `grant_type`. */
  readonly name: string;
  /** Parameters besides `grant_type` and those of client authentication; all others are dropped unread. */
  readonly parameters: readonly string[];
  /** @throws OAuthError by RFC 6749 §5.2 */
  handle(request: TokenRequest): Promise<Response>;
}
