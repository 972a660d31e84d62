import { JWT_BEARER_GRANT } from "../oauth/assertion.js";
import { ACCESS_TOKEN_TYPE, ID_JAG_TOKEN_TYPE, ID_TOKEN_TYPE, TOKEN_EXCHANGE_GRANT } from "../oauth/token-exchange.js";

/*
 * The grants as data: what a request to a token endpoint says. Members have their wire names; what is absent is not sent.
 */

/** Name and value of each parameter; a name may come several times. */
export type GrantParameters = readonly (readonly [string, string])[];

/** What a token should be good for. `audience` is how servers without RFC 8707 name it. */
export interface Target {
  readonly resource?: string | readonly string[] | undefined;
  readonly audience?: string | readonly string[] | undefined;
  /** Space-separated. */
  readonly scope?: string | undefined;
}

type Values = Readonly<Record<string, string | readonly string[] | undefined>>;

function parametersOf(grant_type: string, values: Values): GrantParameters {
  const pairs = Object.entries({ grant_type, ...values });
  return pairs.flatMap(([name, value]) => [value ?? []].flat().map((each): readonly [string, string] => [name, each]));
}

const targetOf = ({ resource, audience, scope }: Target): Values => ({ resource, audience, scope });

/** RFC 6749 §4.4. */
export function clientCredentialsGrant(target: Target): GrantParameters {
  return parametersOf("client_credentials", targetOf(target));
}

export interface TokenExchangeParameters extends Target {
  readonly subject_token: string;
  /** Default: an access token. */
  readonly subject_token_type?: string;
  readonly actor_token?: string | undefined;
  /** Default, where there is an actor_token: an access token. */
  readonly actor_token_type?: string;
  readonly requested_token_type?: string | undefined;
}

/** RFC 8693 §2.1. */
export function tokenExchangeGrant(parameters: TokenExchangeParameters): GrantParameters {
  const { subject_token, actor_token, requested_token_type } = parameters;
  return parametersOf(TOKEN_EXCHANGE_GRANT, {
    subject_token,
    subject_token_type: parameters.subject_token_type ?? ACCESS_TOKEN_TYPE,
    actor_token,
    actor_token_type: actor_token === undefined ? undefined : (parameters.actor_token_type ?? ACCESS_TOKEN_TYPE),
    requested_token_type,
    ...targetOf(parameters),
  });
}

/**
 * An ID-JAG for another authorization server, asked of the company's identity provider
 * (draft-ietf-oauth-identity-assertion-authz-grant §4.3): `audience` is the issuer of that server.
 */
export function idJagGrant(parameters: {
  readonly subject_token: string;
  /** Default: an ID token. */
  readonly subject_token_type?: string;
  readonly audience: string;
  readonly resource?: string | undefined;
  readonly scope?: string | undefined;
}): GrantParameters {
  const { subject_token_type = ID_TOKEN_TYPE, ...rest } = parameters;
  return tokenExchangeGrant({ ...rest, subject_token_type, requested_token_type: ID_JAG_TOKEN_TYPE });
}

/** RFC 7523 §2.1. */
export function jwtBearerGrant(parameters: Target & { readonly assertion: string }): GrantParameters {
  return parametersOf(JWT_BEARER_GRANT, { assertion: parameters.assertion, ...targetOf(parameters) });
}

/** Entra's on-behalf-of: RFC 7523 with a word of its own. It knows no `resource`; scopes carry the target (`api://…/.default`). */
export function onBehalfOfGrant(parameters: { readonly assertion: string; readonly scope: string }): GrantParameters {
  return parametersOf(JWT_BEARER_GRANT, { ...parameters, requested_token_use: "on_behalf_of" });
}

/** RFC 6749 §4.1.3, RFC 7636 §4.5. */
export function authorizationCodeGrant(parameters: {
  readonly code: string;
  readonly redirect_uri: string;
  readonly code_verifier: string;
  readonly resource?: string | readonly string[] | undefined;
}): GrantParameters {
  return parametersOf("authorization_code", parameters);
}

/** RFC 6749 §6. */
export function refreshTokenGrant(parameters: Target & { readonly refresh_token: string }): GrantParameters {
  return parametersOf("refresh_token", { refresh_token: parameters.refresh_token, ...targetOf(parameters) });
}
