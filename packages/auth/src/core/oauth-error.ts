/**
 * Every way in which a request can be broken, as data: `reason` is for the log, `error`, `status` and `description` are what the wire
 * sees, and nothing else of a failure ever reaches the wire. Adding a row makes a new public error, which needs its words in scripts/error-advice.json (docs/errors.md).
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
  token_inactive: {
    error: "invalid_token",
    status: 401,
    description: "The access token is unknown to its issuer, expired or revoked.",
  },
  introspection_unavailable: {
    error: "temporarily_unavailable",
    status: 503,
    description: "The token's issuer cannot be asked right now. Try again.",
  },
  liveness_unknown: {
    error: "temporarily_unavailable",
    status: 503,
    description: "Revocations cannot be checked right now. Try again.",
  },
  // Authorization endpoint, RFC 6749 §4.1.2.1
  request_malformed: { error: "invalid_request", status: 400, description: "The request is malformed." },
  // Authorization and token endpoints, RFC 6749 §4.1.2.1, RFC 8707 §2; registration, RFC 7591 §3.2.2
  scope_malformed: { error: "invalid_scope", status: 400, description: "The scope is malformed." },
  target_malformed: {
    error: "invalid_target",
    status: 400,
    description: "The resource must be an absolute http or https URL without fragment.",
  },
  target_unknown: { error: "invalid_target", status: 400, description: "The resource is not known here." },
  redirect_uri_refused: {
    error: "invalid_redirect_uri",
    status: 400,
    description: "The redirect URI is not acceptable.",
  },
  // Requests to the authorization server in general
  parameter_repeated: { error: "invalid_request", status: 400, description: "A parameter came more than once." },
  content_type_unsupported: {
    error: "invalid_request",
    status: 415,
    description: "The body has the wrong content type.",
  },
  body_too_large: { error: "invalid_request", status: 413, description: "The body is larger than 64 KB." },
  method_not_allowed: { error: "invalid_request", status: 405, description: "This endpoint has no such method." },
  too_many_requests: {
    error: "temporarily_unavailable",
    status: 429,
    description: "Too many requests came from this address. Try again later.",
  },
  // Authorization endpoint, RFC 6749 §4.1.2.1, RFC 9101 §6, OpenID Connect Core §3.1.2.6 for the answers to `prompt`
  client_unknown: {
    error: "invalid_client",
    status: 400,
    description: "This server does not know the application that sent you.",
  },
  client_document: {
    error: "invalid_client",
    status: 400,
    description: "The application's client ID metadata document cannot be used.",
  },
  client_document_refused: {
    error: "invalid_client",
    status: 403,
    description: "This server does not admit applications from that address.",
  },
  redirect_uri_unregistered: {
    error: "invalid_request",
    status: 400,
    description: "The redirect URI is not one that the application registered.",
  },
  response_type_unsupported: {
    error: "unsupported_response_type",
    status: 400,
    description: "The only response_type here is code.",
  },
  response_mode_unsupported: {
    error: "invalid_request",
    status: 400,
    description: "The only response_mode here is query.",
  },
  request_object_unsupported: {
    error: "request_not_supported",
    status: 400,
    description: "Request objects are not supported.",
  },
  request_uri_unsupported: {
    error: "request_uri_not_supported",
    status: 400,
    description: "The parameter request_uri is not supported.",
  },
  code_challenge_missing: {
    error: "invalid_request",
    status: 400,
    description: "PKCE is required: send code_challenge with code_challenge_method=S256.",
  },
  code_challenge_malformed: {
    error: "invalid_request",
    status: 400,
    description: "The code_challenge must be a base64url SHA-256 with code_challenge_method=S256.",
  },
  client_not_allowed: {
    error: "unauthorized_client",
    status: 400,
    description: "The client is not registered for this grant.",
  },
  // Rich authorization requests, RFC 9396 §5
  details_refused: {
    error: "invalid_authorization_details",
    status: 400,
    description: "The authorization_details cannot be used here.",
  },
  details_exceeded: {
    error: "invalid_authorization_details",
    status: 400,
    description: "The authorization_details go beyond what was granted.",
  },
  target_several: {
    error: "invalid_target",
    status: 400,
    description: "A token is for one resource: send one resource parameter.",
  },
  login_needed: { error: "login_required", status: 400, description: "Nobody is signed in." },
  consent_needed: { error: "consent_required", status: 400, description: "The person has to agree first." },
  consent_refused: { error: "access_denied", status: 403, description: "The person did not agree." },
  consent_stale: {
    error: "invalid_request",
    status: 400,
    description: "This request has expired or was answered already.",
  },
  consent_forged: {
    error: "invalid_request",
    status: 403,
    description: "The answer did not come from this server's own page.",
  },
  // Token endpoint, RFC 6749 §5.2
  client_authentication: { error: "invalid_client", status: 401, description: "The client did not authenticate." },
  grant_type_unsupported: {
    error: "unsupported_grant_type",
    status: 400,
    description: "This server has no such grant_type.",
  },
  code_refused: {
    error: "invalid_grant",
    status: 400,
    description: "The code is unknown, expired, used, or was issued to another request.",
  },
  refresh_token_refused: {
    error: "invalid_grant",
    status: 400,
    description: "The refresh token is unknown, expired, or was issued to another client.",
  },
  session_ended: { error: "invalid_grant", status: 400, description: "The session has ended. Sign in again." },
  step_up_needed: {
    error: "consent_required",
    status: 400,
    description:
      "A refresh cannot widen the scope that the last call lacked. Send the person to the authorization endpoint.",
  },
  entitlement_gone: {
    error: "invalid_grant",
    status: 400,
    description: "The person may no longer use this resource.",
  },
  scope_exceeded: {
    error: "invalid_scope",
    status: 400,
    description: "A refresh can only narrow the scope that was granted.",
  },
  scope_refused: {
    error: "invalid_scope",
    status: 400,
    description: "None of the scopes may be granted to this client on this resource.",
  },
  // Device grant, RFC 8628 §3.5
  device_waiting: {
    error: "authorization_pending",
    status: 400,
    description: "Nobody has agreed yet. Ask again after the interval.",
  },
  device_hurried: {
    error: "slow_down",
    status: 400,
    description: "Nobody has agreed yet. Ask 5 seconds less often from now on.",
  },
  device_expired: { error: "expired_token", status: 400, description: "The device_code has expired. Begin again." },
  device_refused: { error: "access_denied", status: 400, description: "The person did not agree." },
  // Token exchange, RFC 8693 §2.2.2, and assertions, RFC 7521 §4.1.1
  exchange_refused: {
    error: "invalid_request",
    status: 400,
    description: "The subject_token or the actor_token cannot be exchanged by this client.",
  },
  exchange_too_deep: {
    error: "invalid_request",
    status: 400,
    description: "The token was handed on too often.",
  },
  assertion_refused: {
    error: "invalid_grant",
    status: 400,
    description: "The assertion is not acceptable here, or was used before.",
  },
  // Registration, RFC 7591 §3.2.2
  client_metadata_refused: {
    error: "invalid_client_metadata",
    status: 400,
    description: "The client metadata cannot be registered.",
  },
  redirect_uris_refused: {
    error: "invalid_redirect_uri",
    status: 400,
    description: "The redirect URIs cannot be registered.",
  },
  // As a client of another authorization server: what went wrong there, told as a failure behind this server
  server_unreachable: {
    error: "temporarily_unavailable",
    status: 502,
    description: "An authorization server that is needed for this cannot be reached.",
  },
  server_timeout: {
    error: "temporarily_unavailable",
    status: 504,
    description: "An authorization server that is needed for this did not answer in time.",
  },
  server_busy: {
    error: "temporarily_unavailable",
    status: 503,
    description: "An authorization server that is needed for this is busy. Try again.",
  },
  server_garbage: {
    error: "server_error",
    status: 502,
    description: "An authorization server that is needed for this answered with something that cannot be used.",
  },
  server_metadata_refused: {
    error: "server_error",
    status: 502,
    description: "The metadata of an authorization server that is needed for this cannot be used.",
  },
  token_refused: {
    error: "server_error",
    status: 502,
    description: "An authorization server that is needed for this does not issue the token.",
  },
  authorization_answer_refused: {
    error: "access_denied",
    status: 403,
    description: "The answer of the other server does not belong to this request, or says no.",
  },
  store_unavailable: {
    error: "temporarily_unavailable",
    status: 503,
    description: "The store of this server does not answer right now. Try again.",
  },
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
