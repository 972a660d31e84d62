import type { Parameters } from "../../oauth/parameters.js";
import type { PlainAnswer } from "../responses.js";
import type { Server } from "../server.js";
import type { KeyProven } from "../steps/prove-key.js";
import type { ClientRecord } from "../storage.js";

/** A token request that holds its own proof of who sends it. `parameters` holds the grant's own ones and nothing else. */
export interface UnauthenticatedRequest extends KeyProven {
  readonly parameters: Parameters;
}

/** A token request whose client has authenticated. */
export interface TokenRequest extends UnauthenticatedRequest {
  readonly client: ClientRecord;
}

/** One way to a token. Adding a file with these things, and a line to the table, adds a grant. */
export interface GrantType {
  /** Value of `grant_type`. */
  readonly name: string;
  /** Parameters besides `grant_type` and those of client authentication; all others are dropped unread. */
  readonly parameters: readonly string[];
  /** Whether this server has it; absent: always. What is off is not advertised either. */
  when?(server: Server): boolean;
  /** @throws OAuthError by RFC 6749 §5.2 */
  handle(request: TokenRequest): Promise<PlainAnswer>;
  /** Where no client authentication came at all; absent: it is needed, if only as a public client's client_id. */
  handleUnauthenticated?(request: UnauthenticatedRequest): Promise<PlainAnswer>;
}
