import { McpError } from "@sallyport/auth";
import { CREDENTIAL_ERRORS, CredentialError } from "../upstream/credentials/credential-error.js";
import type { UpstreamError } from "../upstream/upstream.js";

/** How each failure behind the gateway is answered: the status, and for how many seconds a client should wait. */
const STATUS: Readonly<Record<UpstreamError["kind"], number>> = {
  unreachable: 502,
  protocol: 502,
  exited: 502,
  timeout: 504,
  overloaded: 503,
};

/** JSON-RPC "internal error": codes from -32000 to -32099 are the specification's or mean nothing (spec.md §2). */
const INTERNAL_ERROR = -32603;

export type JsonRpcId = string | number | null;

/** The answer to a call whose upstream failed. The upstream is named as the wrong side; its words are for the log. */
export function toMcpError(error: UpstreamError, id: JsonRpcId): McpError {
  if (error instanceof CredentialError) return credentialFailure(error, id);
  return new McpError(STATUS[error.kind], INTERNAL_ERROR, PUBLIC[error.kind], {
    id,
    data: { reason: `upstream_${error.kind}` },
    reason: `upstream_${error.kind}: ${error.message}`,
  });
}

/** Nothing went on: the inner door stayed shut. What the caller can change has a code of its own, and no challenge: its token is good. */
function credentialFailure({ reason, message, data }: CredentialError, id: JsonRpcId): McpError {
  const { status, text } = CREDENTIAL_ERRORS[reason];
  const code = status === 403 ? -32000 : status === 400 ? -32600 : INTERNAL_ERROR;
  return new McpError(status, code, text, { id, data: { reason, ...data }, reason: `${reason}: ${message}` });
}

const PUBLIC: Readonly<Record<UpstreamError["kind"], string>> = {
  unreachable: "The server behind this gateway cannot be reached.",
  protocol: "The server behind this gateway broke the protocol.",
  exited: "The server behind this gateway has stopped.",
  timeout: "The server behind this gateway did not answer in time.",
  overloaded: "The server behind this gateway is busy. Try again.",
};

/**
 * Statuses that speak of the gateway's own standing with the upstream, not of the caller's: passed on, a 401 or 407 would make clients
 * throw away good tokens, and a redirect would carry a token to wherever it points.
 */
export function refusedStatus(status: number, id: JsonRpcId): McpError | undefined {
  const credentials = status === 401 || status === 403 || status === 407;
  const redirect = status >= 300 && status < 400;
  if (!credentials && !redirect && status >= 200) return undefined;
  const reason = credentials ? "upstream_refused_gateway" : "upstream_redirected";
  const message = credentials
    ? "The server behind this gateway refused the gateway's own credentials."
    : "The server behind this gateway answered with a redirect, which is not followed.";
  return new McpError(502, INTERNAL_ERROR, message, { id, data: { reason }, reason: `${reason}: status ${status}` });
}

/** A decision that cannot be recorded is not carried out. */
export function notRecorded(error: unknown): McpError {
  return new McpError(
    503,
    INTERNAL_ERROR,
    "The decision log cannot be written, so nothing is let through. Try again.",
    {
      data: { reason: "log_unavailable" },
      reason: `log_unavailable: ${error instanceof Error ? error.message : String(error)}`,
    },
  );
}

/** RFC 9110 §10.2.3. */
export function retryAfter(error: UpstreamError): Readonly<Record<string, string>> {
  const seconds = error.options.retryAfter ?? (error.kind === "overloaded" ? 1 : undefined);
  return seconds === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil(seconds))) };
}

/** a session that is not this caller's is a session that does not exist. The code is the one SDKs use. */
export function sessionNotFound(id: JsonRpcId): McpError {
  return new McpError(404, -32001, "Session not found", { id, reason: "session_foreign" });
}
