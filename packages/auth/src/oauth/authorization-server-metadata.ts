import { CALL_DETAIL_TYPE } from "../core/call-details.js";
import { DPOP_ALGORITHMS } from "./dpop.js";
import { ID_JAG_PROFILE } from "./identity-assertion.js";
import { SIGNATURE_ALGORITHMS } from "./key-set.js";

/** RFC 8414 §2, RFC 9207 §3 and OpenID Connect Discovery §3, as far as this package publishes it. */
export interface AuthorizationServerMetadata {
  readonly issuer: string;
  readonly authorization_endpoint: string;
  readonly token_endpoint: string;
  /** RFC 8628 §4. */
  readonly device_authorization_endpoint?: string;
  readonly registration_endpoint?: string;
  readonly revocation_endpoint: string;
  readonly introspection_endpoint?: string;
  readonly introspection_endpoint_auth_methods_supported?: readonly string[];
  /** RFC 8414 §2: MUST be there with `private_key_jwt`. */
  readonly introspection_endpoint_auth_signing_alg_values_supported?: readonly string[];
  readonly jwks_uri: string;
  readonly scopes_supported: readonly string[];
  readonly authorization_details_types_supported?: readonly string[];
  readonly response_types_supported: readonly string[];
  readonly response_modes_supported: readonly string[];
  readonly grant_types_supported: readonly string[];
  readonly authorization_grant_profiles_supported?: readonly string[];
  readonly code_challenge_methods_supported: readonly string[];
  readonly token_endpoint_auth_methods_supported: readonly string[];
  readonly token_endpoint_auth_signing_alg_values_supported: readonly string[];
  readonly revocation_endpoint_auth_methods_supported: readonly string[];
  readonly revocation_endpoint_auth_signing_alg_values_supported: readonly string[];
  readonly dpop_signing_alg_values_supported: readonly string[];
  readonly authorization_response_iss_parameter_supported: true;
  readonly client_id_metadata_document_supported?: true;
  readonly subject_types_supported: readonly string[];
  readonly id_token_signing_alg_values_supported: readonly string[];
}

/**
 * Where the metadata of an issuer is looked for: RFC 8414 §3.1 inserts the well-known segment before the path, OpenID Connect Discovery
 * §4 appends it; clients of MCP try them all.
 */
export function metadataPaths(issuer: string): readonly string[] {
  const path = new URL(issuer).pathname.replace(/\/$/, "");
  const names = ["oauth-authorization-server", "openid-configuration"];
  const paths = names.flatMap((name) => [`/.well-known/${name}${path}`, `${path}/.well-known/${name}`]);
  return [...new Set(paths)];
}

export interface MetadataFacts {
  readonly issuer: string;
  endpoint(path: string): string;
  readonly scopes: readonly string[];
  readonly grantTypes: readonly string[];
  readonly authMethods: readonly string[];
  readonly registration: boolean;
  readonly documents: boolean;
  readonly introspection: boolean;
  /** Whether devices may ask. */
  readonly devices: boolean;
  /** Whether `authorization_details` are read (RFC 9396 §10). */
  readonly details: boolean;
  /** Whether ID-JAGs are accepted. */
  readonly identityAssertions: boolean;
}

/** The document. `registration_endpoint` appears only where it answers (users.md pain 1); `openid` never, since there are no ID tokens. */
export function formatAuthorizationServerMetadata(facts: MetadataFacts): AuthorizationServerMetadata {
  return {
    issuer: facts.issuer,
    authorization_endpoint: facts.endpoint("/authorize"),
    token_endpoint: facts.endpoint("/token"),
    ...(facts.devices ? { device_authorization_endpoint: facts.endpoint("/device_authorization") } : {}),
    ...(facts.registration ? { registration_endpoint: facts.endpoint("/register") } : {}),
    revocation_endpoint: facts.endpoint("/revoke"),
    ...(facts.introspection ? introspectionMembers(facts) : {}),
    jwks_uri: facts.endpoint("/jwks"),
    scopes_supported: facts.scopes.filter((scope) => scope !== "openid"),
    ...(facts.details ? { authorization_details_types_supported: [CALL_DETAIL_TYPE] } : {}),
    response_types_supported: ["code"],
    response_modes_supported: ["query"],
    grant_types_supported: facts.grantTypes,
    ...(facts.identityAssertions ? { authorization_grant_profiles_supported: [ID_JAG_PROFILE] } : {}),
    code_challenge_methods_supported: ["S256"],
    token_endpoint_auth_methods_supported: facts.authMethods,
    token_endpoint_auth_signing_alg_values_supported: SIGNATURE_ALGORITHMS,
    revocation_endpoint_auth_methods_supported: facts.authMethods,
    revocation_endpoint_auth_signing_alg_values_supported: SIGNATURE_ALGORITHMS,
    dpop_signing_alg_values_supported: DPOP_ALGORITHMS,
    authorization_response_iss_parameter_supported: true,
    ...(facts.documents ? { client_id_metadata_document_supported: true } : {}),
    // No ID token is ever issued; the schemas of clients that read the OpenID form want these two members.
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["ES256"],
  };
}

/** Only who proves who it is may ask, so `none` is no method here. */
function introspectionMembers({ endpoint, authMethods }: MetadataFacts) {
  return {
    introspection_endpoint: endpoint("/introspect"),
    introspection_endpoint_auth_methods_supported: authMethods.filter((method) => method !== "none"),
    introspection_endpoint_auth_signing_alg_values_supported: SIGNATURE_ALGORITHMS,
  };
}
