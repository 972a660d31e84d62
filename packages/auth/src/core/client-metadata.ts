import type { JsonObject } from "./mcp-call.js";

/** RFC 7591 §2 client metadata under its wire names, as far as this package reads it. */
export interface ClientMetadata {
  readonly client_id: string;
  readonly client_name?: string;
  readonly client_uri?: string;
  readonly logo_uri?: string;
  readonly tos_uri?: string;
  readonly policy_uri?: string;
  readonly redirect_uris: readonly string[];
  readonly grant_types: readonly string[];
  readonly response_types: readonly string[];
  readonly token_endpoint_auth_method: "none" | "client_secret_basic" | "client_secret_post" | "private_key_jwt";
  readonly application_type: "native" | "web";
  readonly scope?: string;
  readonly jwks?: { readonly keys: readonly JsonObject[] };
  readonly jwks_uri?: string;
  readonly dpop_bound_access_tokens?: boolean;
}
