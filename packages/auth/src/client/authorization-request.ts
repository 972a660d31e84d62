import { OAuthError } from "../core/oauth-error.js";
import { sha256 } from "../oauth/digest.js";
import { randomToken, type System } from "../system.js";
import type { ServerMetadata } from "./discover.js";

/** What has to be kept from the redirect to the answer, bound to the person's browser: all of it is needed to read the answer. */
export interface PendingAuthorizationRequest {
  readonly state: string;
  readonly code_verifier: string;
  readonly redirect_uri: string;
  readonly client_id: string;
  /** The validated issuer, byte for byte. */
  readonly issuer: string;
  /** Whether the server said that it sends `iss` (RFC 9207 §3). */
  readonly expectsIssuer: boolean;
}

export interface AuthorizationRequestOptions {
  readonly metadata: ServerMetadata;
  readonly client_id: string;
  readonly redirect_uri: string;
  readonly scope?: string;
  /** RFC 8707. */
  readonly resource?: string;
  /** Further parameters, for example `prompt`, `access_type`. They replace none of the request's own. */
  readonly extra?: Readonly<Record<string, string>>;
  readonly system: System;
}

/**
 * Where to send a browser for a code (RFC 6749 §4.1.1) with PKCE S256 and `state`.
 * @throws OAuthError `server_metadata_refused` for a server that does not say it knows S256: it would ignore the challenge
 */
export async function createAuthorizationRequest(
  options: AuthorizationRequestOptions,
): Promise<{ readonly url: string; readonly pending: PendingAuthorizationRequest }> {
  const { metadata, client_id, redirect_uri, system } = options;
  const { issuer, authorization_endpoint, code_challenge_methods_supported = [] } = metadata;
  if (authorization_endpoint === undefined) throw refuse(issuer, "no authorization_endpoint");
  if (!code_challenge_methods_supported.includes("S256")) throw refuse(issuer, "S256 is not advertised");
  const pending: PendingAuthorizationRequest = {
    state: randomToken(system),
    code_verifier: randomToken(system),
    redirect_uri,
    client_id,
    issuer,
    expectsIssuer: metadata.authorization_response_iss_parameter_supported === true,
  };
  const url = new URL(authorization_endpoint);
  const parameters = {
    ...options.extra,
    response_type: "code",
    client_id,
    redirect_uri,
    scope: options.scope,
    resource: options.resource,
    state: pending.state,
    code_challenge: await sha256(pending.code_verifier),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.set(name, value);
  return { url: url.href, pending };
}

/**
 * The code of an answer, if it is the answer to this request. The issuer is compared before anything else is looked at, since a mix-up
 * would otherwise choose the words.
 * NOT checked: that the browser is the one that was sent away; the caller keeps `pending` bound to it, and takes it once.
 * @throws OAuthError `authorization_answer_refused`
 */
export function readAuthorizationAnswer(query: URLSearchParams, pending: PendingAuthorizationRequest): string {
  const one = (name: string): string | undefined => {
    const values = query.getAll(name);
    if (values.length > 1) throw refuseAnswer(`${name} came more than once`);
    return values[0];
  };
  const iss = one("iss");
  if (iss === undefined ? pending.expectsIssuer : iss !== pending.issuer) throw refuseAnswer("another issuer, or none");
  if (one("state") !== pending.state) throw refuseAnswer("another state, or none");
  const error = one("error");
  if (error !== undefined) throw refuseAnswer(`the server said ${JSON.stringify(error.slice(0, 100))}`);
  const code = one("code");
  if (code === undefined || code === "") throw refuseAnswer("no code");
  return code;
}

function refuseAnswer(detail: string): OAuthError {
  return new OAuthError("authorization_answer_refused", { detail });
}

function refuse(issuer: string, detail: string): OAuthError {
  return new OAuthError("server_metadata_refused", { detail: `${JSON.stringify(issuer)}: ${detail}` });
}
