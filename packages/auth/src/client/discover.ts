import { OAuthError } from "../core/oauth-error.js";
import { type ClientHttpOptions, failure, isSecureUrl, requestJson } from "./http.js";

/** The document of an authorization server (RFC 8414 §2, OpenID Connect Discovery §3) under its wire names. Further members as they came. */
export interface ServerMetadata {
  readonly issuer: string;
  readonly token_endpoint: string;
  readonly authorization_endpoint?: string;
  readonly registration_endpoint?: string;
  readonly revocation_endpoint?: string;
  readonly code_challenge_methods_supported?: readonly string[];
  readonly grant_types_supported?: readonly string[];
  readonly scopes_supported?: readonly string[];
  readonly token_endpoint_auth_methods_supported?: readonly string[];
  readonly authorization_grant_profiles_supported?: readonly string[];
  readonly authorization_response_iss_parameter_supported?: boolean;
  readonly client_id_metadata_document_supported?: boolean;
  readonly [member: string]: unknown;
}

const ENDPOINTS = [
  "token_endpoint",
  "authorization_endpoint",
  "registration_endpoint",
  "revocation_endpoint",
  "jwks_uri",
] as const;
const LISTS = [
  "code_challenge_methods_supported",
  "grant_types_supported",
  "scopes_supported",
  "token_endpoint_auth_methods_supported",
  "authorization_grant_profiles_supported",
] as const;

/** RFC 8414 inserted, OpenID inserted, OpenID appended; without a path the first two, which are the same as appended. */
export function metadataUrls(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, "");
  return [
    ...new Set([
      `${origin}/.well-known/oauth-authorization-server${path}`,
      `${origin}/.well-known/openid-configuration${path}`,
      `${origin}${path}/.well-known/openid-configuration`,
    ]),
  ];
}

/**
 * Finds and checks the document of an authorization server, in the order of R-103. Where there is none the next place is asked; a document
 * that says another issuer is refused, and nothing else is tried: byte for byte, no slash is forgiven.
 * @throws OAuthError `server_metadata_refused`, `server_unreachable`, `server_timeout`, `server_garbage`
 */
export async function discoverAuthorizationServer(
  issuer: string,
  options: ClientHttpOptions = {},
): Promise<ServerMetadata> {
  if (!isSecureUrl(issuer)) throw refuse(issuer, "an issuer is an https URL, or http on loopback");
  let answered = 0;
  for (const url of metadataUrls(issuer)) {
    const { status, body } = await requestJson(url, { headers: { accept: "application/json" } }, options);
    if (status === 200 && body !== undefined) return validateMetadata(issuer, body);
    if (status >= 500) answered = status;
  }
  if (answered > 0) throw failure("server_unreachable", issuer, `status ${answered}`);
  throw refuse(issuer, "no metadata at any well-known place");
}

/** @throws OAuthError `server_metadata_refused` naming the member that cannot be used */
export function validateMetadata(issuer: string, document: Readonly<Record<string, unknown>>): ServerMetadata {
  if (document.issuer !== issuer) {
    throw refuse(issuer, `the document says it is ${JSON.stringify(document.issuer)?.slice(0, 300) ?? "nobody"}`);
  }
  for (const name of ENDPOINTS) {
    const value = document[name];
    if (value === undefined && name !== "token_endpoint") continue;
    if (!isSecureUrl(value)) throw refuse(issuer, `${name} is no https URL`);
  }
  for (const name of LISTS) {
    const value = document[name];
    const isList = Array.isArray(value) && value.every((each) => typeof each === "string");
    if (value !== undefined && !isList) throw refuse(issuer, `${name} is no list of texts`);
  }
  return document as unknown as ServerMetadata;
}

function refuse(issuer: string, detail: string): OAuthError {
  return new OAuthError("server_metadata_refused", { detail: `${JSON.stringify(issuer).slice(0, 300)}: ${detail}` });
}
