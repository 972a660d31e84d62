/**
 * Every way in which a request can be broken, as data: `reason` is for the log, `error`, `status` and `description` are what the wire
 * sees, and nothing else of a failure ever reaches the wire. Adding a row makes a new public, documented error (docs/errors).
 */
export const OAUTH_ERRORS = {
  // Protected resource, RFC 6750 §3.1 and RFC 9449 §7.1
  token_missing: { error: undefined, status: 401, description: "This endpoint needs an access token." },
  token_malformed: {
    error: "invalid_token",
    status: 401,
    description: "The access token is not a token of this server.",
  },
  token_signature: {
    error: "invalid_token",
    status: 401,
    description: "The access token is not a token of this server.",
  },
  token_issuer: { error: "invalid_token", status: 401, description: "The access token is not a token of this server." },
  token_audience: {
    error: "invalid_token",
    status: 401,
    description: "The access token was issued for another resource.",
  },
  token_expired: { error: "invalid_token", status: 401, description: "The access token has expired." },
  token_not_yet_valid: { error: "invalid_token", status: 401, description: "The access token is not valid yet." },
  token_revoked: { error: "invalid_token", status: 401, description: "The session behind the access token has ended." },
  token_binding: {
    error: "invalid_token",
    status: 401,
    description: "The access token is bound to a key that was not proven.",
  },
  token_several: {
    error: "invalid_request",
    status: 400,
    description: "Send one access token, in one Authorization header.",
  },
  token_in_query: {
    error: "invalid_request",
    status: 400,
    description: "Send the access token in the Authorization header, never in the URL.",
  },
  dpop_proof: { error: "invalid_dpop_proof", status: 401, description: "The DPoP proof does not fit this request." },
  dpop_nonce: { error: "use_dpop_nonce", status: 401, description: "The DPoP proof needs the nonce of this server." },
  keys_unavailable: {
    error: "temporarily_unavailable",
    status: 503,
    description: "The keys of the token's issuer cannot be read right now. Try again.",
  },
  liveness_unknown: {
    error: "temporarily_unavailable",
    status: 503,
    description: "Revocations cannot be checked right now. Try again.",
  },
  // Authorization endpoint, RFC 6749 §4.1.2.1
  request_malformed: { error: "invalid_request", status: 400, description: "The request is malformed." },
  server_failure: {
    error: "server_error",
    status: 500,
    description: "The server failed to answer. The id says where to look.",
  },
} as const satisfies Record<string, OAuthErrorRow>;

interface OAuthErrorRow {
  /** The OAuth error code; `undefined` where RFC 6750 §3.1 wants none (no credentials came). */
  readonly error: string | undefined;
  readonly status: number;
  readonly description: string;
}

export type OAuthErrorReason = keyof typeof OAUTH_ERRORS;

export interface OAuthErrorOptions {
  /** Log-only detail. Values that came from outside are JSON-encoded by the caller. */
  readonly detail?: string;
  /** Public text that replaces the row's, for messages that must name a parameter. Never holds an attacker's raw value. */
  readonly description?: string;
  /** Whether the error may go to the client's redirect URI (RFC 6749 §4.1.2.1); default false: it is shown as a page. */
  readonly redirectable?: boolean;
  /** Seconds after which trying again makes sense; becomes `Retry-After`. */
  readonly retryAfter?: number;
  readonly cause?: unknown;
}

/** A broken request. `message` is for the log; {@link OAuthError.error}, `status` and `error_description` are for the wire. */
export class OAuthError extends Error {
  override readonly name = "OAuthError";
  readonly reason: OAuthErrorReason;
  readonly error: string | undefined;
  readonly status: number;
  readonly error_description: string;
  readonly redirectable: boolean;
  readonly retryAfter: number | undefined;

  constructor(reason: OAuthErrorReason, options: OAuthErrorOptions = {}) {
    const row = OAUTH_ERRORS[reason];
    super(options.detail === undefined ? reason : `${reason}: ${options.detail}`, { cause: options.cause });
    this.reason = reason;
    this.error = row.error;
    this.status = row.status;
    this.error_description = options.description ?? row.description;
    this.redirectable = options.redirectable ?? false;
    this.retryAfter = options.retryAfter;
  }
}
