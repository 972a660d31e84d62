import { CALL_DETAIL_TYPE } from "../core/call-details.js";

/** RFC 9728 §2, as far as this package computes it. Everything else comes from the operator. */
export interface ProtectedResourceMetadata {
  readonly resource: string;
  readonly authorization_servers: readonly string[];
  readonly scopes_supported: readonly string[];
  readonly bearer_methods_supported: readonly string[];
  readonly [extra: string]: unknown;
}

export interface ProtectedResourceMetadataOptions {
  readonly resource: string;
  /** At least one issuer; clients try them in this order. */
  readonly issuers: readonly string[];
  /** The small set that a first consent asks for, not the catalogue. */
  readonly baseline: readonly string[];
  /** The token is also taken from a posted form (RFC 6750 §2.2). */
  readonly formTokens: boolean;
  /** Set where proofs are checked: the algorithms accepted (RFC 9449 §5.1 names them the same way for a resource). */
  readonly dpopAlgorithms?: readonly string[];
  /** Details of type `mcp_call` count here (RFC 9728 §2, RFC 9396). */
  readonly details?: boolean;
  /** More members: `resource_name`, `resource_documentation`, `resource_policy_uri`, … */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** What this package computes, or does not do and must not be claimed. An operator who sets one of them has misunderstood something. */
const COMPUTED: ReadonlySet<string> = new Set([
  "resource",
  "authorization_servers",
  "scopes_supported",
  "bearer_methods_supported",
  "authorization_details_types_supported",
  "dpop_signing_alg_values_supported",
  "dpop_bound_access_tokens_required",
  "tls_client_certificate_bound_access_tokens",
  "signed_metadata",
]);

/**
 * The protected resource metadata document. `bearer_methods_supported` never has `query`: no token is read there.
 * `offline_access` is no scope of a resource and is left out.
 * @throws TypeError when there is no issuer, or an extra member would replace a computed one.
 */
export function formatProtectedResourceMetadata(options: ProtectedResourceMetadataOptions): ProtectedResourceMetadata {
  if (options.issuers.length === 0)
    throw new TypeError("authorization_servers needs at least one issuer (RFC 9728 §2).");
  for (const name of Object.keys(options.extra ?? {})) {
    if (COMPUTED.has(name)) throw new TypeError(`metadata.${name} is computed and cannot be set.`);
  }
  return {
    ...options.extra,
    resource: options.resource,
    authorization_servers: [...options.issuers],
    scopes_supported: withoutOfflineAccess(options.baseline),
    bearer_methods_supported: options.formTokens ? ["header", "body"] : ["header"],
    ...(options.details === true ? { authorization_details_types_supported: [CALL_DETAIL_TYPE] } : {}),
    ...(options.dpopAlgorithms === undefined ? {} : { dpop_signing_alg_values_supported: [...options.dpopAlgorithms] }),
  };
}

/** MCP authorization, 2026-07-28: a resource neither lists nor challenges for `offline_access`. */
export function withoutOfflineAccess(scopes: readonly string[]): readonly string[] {
  return scopes.filter((scope) => scope !== "offline_access");
}
