import type { Target } from "./grants.js";
import type { TokenAnswer } from "./token-answer.js";

/** What `protect` hands to a handler: the `who` of its second argument, or the `authInfo` that was made of it. The object itself, no copy. */
export type Caller = object;

/** An access token for one API behind, in the caller's name. */
export type ExchangedToken = TokenAnswer;

export type DownstreamFetch = (input: string | URL, init?: RequestInit) => Promise<Response>;

export interface TokenExchanger {
  /**
   * A token of the caller's for another resource (RFC 8693). Kept until shortly before it ends, and never beyond the token it was made
   * from; one request for one caller and target, whoever asks meanwhile.
   * @throws TypeError when the caller's token is not at hand: `tokenExchange` of the resource server is off, or `caller` is a copy
   * @throws OAuthError; TokenRefused with the server's own code
   */
  exchangeToken(caller: Caller, target: Target): Promise<ExchangedToken>;
  /** Forgets a token that was refused, so that the next call makes another. */
  drop(caller: Caller, target: Target, refused: ExchangedToken): void;
  /** A `fetch` that sends such a token, to the origin of `resource` alone. */
  fetch(caller: Caller, target: DownstreamTarget): DownstreamFetch;
}

export interface DownstreamTarget extends Target {
  /** Where the token may be sent: scheme and host of this URL. */
  readonly resource: string;
}
