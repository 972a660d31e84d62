import { formatChallenge } from "../core/challenge.js";
import type { McpError } from "../core/mcp-error.js";
import type { OAuthError } from "../core/oauth-error.js";
import type { Refusal } from "./contract.js";

export type MessageId = string | number | null;

/** What every challenge of one resource server says. */
export interface ChallengeContext {
  readonly metadataUrl: string;
  /** Space-separated baseline scopes; `""` = none are named. */
  readonly baseline: string;
  /** Accepted proof algorithms, where proofs are checked. */
  readonly dpopAlgorithms: string | undefined;
  /** The nonce that the next proof has to hold, where nonces are in use (RFC 9449 §9). */
  dpopNonce?(): string;
}

export interface ChallengeError {
  readonly error: string;
  readonly error_description: string;
  readonly scope?: string;
  /** The scheme that the refused credentials came with. */
  readonly scheme?: "Bearer" | "DPoP";
}

/** RFC 9110 §11.6.1, RFC 6750 §3, RFC 9728 §5.1, RFC 9449 §7.1: without `error` when no credentials came. */
export function formatChallenges(context: ChallengeContext, refused?: ChallengeError): string {
  const scope = refused?.scope ?? context.baseline;
  const parameters = {
    ...(refused === undefined ? {} : { error: refused.error, error_description: refused.error_description }),
    resource_metadata: context.metadataUrl,
    ...(scope === "" ? {} : { scope }),
  };
  const { dpopAlgorithms } = context;
  if (dpopAlgorithms === undefined) return formatChallenge({ scheme: "Bearer", parameters });
  const bare = { resource_metadata: context.metadataUrl };
  const ofDpop = refused?.scheme === "DPoP";
  const bearer = formatChallenge({ scheme: "Bearer", parameters: ofDpop ? bare : parameters });
  const dpop = formatChallenge({
    scheme: "DPoP",
    parameters: { ...(ofDpop ? parameters : bare), algs: dpopAlgorithms },
  });
  return `${bearer}, ${dpop}`;
}

/** RFC 6750 §3.1 for what is wrong with the credentials; the body repeats it as JSON. */
export function refuseOAuth(error: OAuthError, context: ChallengeContext): Refusal {
  const { status, error_description, reason } = error;
  const scheme =
    DPOP_REASONS.has(reason) && context.dpopAlgorithms !== undefined ? ("DPoP" as const) : ("Bearer" as const);
  const refused = error.error === undefined ? undefined : { error: error.error, error_description, scheme };
  const challenged = status === 401 || (status === 400 && CREDENTIAL_REASONS.has(reason));
  return {
    status,
    headers: {
      ...JSON_HEADERS,
      ...(challenged ? { "www-authenticate": formatChallenges(context, refused) } : {}),
      ...(reason === "dpop_nonce" && context.dpopNonce !== undefined ? { "dpop-nonce": context.dpopNonce() } : {}),
      ...(error.retryAfter === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil(error.retryAfter))) }),
      ...(status === 503 && error.retryAfter === undefined ? { "retry-after": "1" } : {}),
    },
    body: JSON.stringify({ error: error.error ?? "unauthorized", error_description }),
    reason: error.message,
  };
}

const DPOP_REASONS: ReadonlySet<string> = new Set(["dpop_proof", "dpop_nonce", "token_binding"]);
const CREDENTIAL_REASONS: ReadonlySet<string> = new Set(["token_several", "token_in_query"]);

export const JSON_HEADERS = { "content-type": "application/json", "cache-control": "no-store" } as const;

/** A broken or unknown message: JSON-RPC, with the id if there is one. */
export function refuseMcp(error: McpError, id: MessageId): Refusal {
  const { code, message, status } = error;
  const { data, reason } = error.options;
  const answer = { code, message, ...(data === undefined ? {} : { data }) };
  return {
    status,
    headers: JSON_HEADERS,
    body: formatRpcErrors([error.options.id ?? id], answer, false),
    reason: reason ?? message,
  };
}

export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** One JSON-RPC error for each id; a batch is answered by an array (JSON-RPC 2.0 §6). */
export function formatRpcErrors(ids: readonly MessageId[], error: RpcError, batch: boolean): string {
  const answers = (ids.length === 0 ? [null] : ids).map((id) => ({ jsonrpc: "2.0", id, error }));
  return JSON.stringify(batch ? answers : answers[0]);
}
