import { OAuthError, type System } from "@sallyport/auth";
import {
  ACCESS_TOKEN_TYPE,
  type ClientIdentity,
  clientCredentialsGrant,
  createHeldTokens,
  createTokenEndpoint,
  type DpopSigner,
  discoverAuthorizationServer,
  type Fetch,
  ID_JAG_TOKEN_TYPE,
  idJagGrant,
  jwtBearerGrant,
  onBehalfOfGrant,
  type Target,
  type TokenAnswer,
  type TokenEndpoint,
  tokenExchangeGrant,
} from "@sallyport/auth/client";
import { createHeld } from "../../federation/discovery.js";
import type { CredentialRequest } from "./contract.js";
import { CredentialError } from "./credential-error.js";
import { sendPooled } from "./send-pooled.js";
import type { TokenCredentialsOptions } from "./token-credentials.js";

/** Where tokens come from: an issuer whose document is read, or the endpoint itself. */
export interface TokenServer {
  /** Exactly one of the two. */
  readonly issuer?: string | undefined;
  readonly tokenEndpoint?: string | undefined;
  /** Or what it is now: it may change while the program runs. Asked before every request, and the same object until it changes. */
  readonly client: ClientIdentity | (() => Promise<ClientIdentity>);
}

export interface TokenServerPorts {
  readonly system: System;
  /** In place of pooled connections. */
  readonly fetch?: Fetch;
  /** Milliseconds for one request; default 10,000. */
  readonly timeoutMs?: number;
}

/** Asks one server for tokens. The document of an issuer is read at the first need, and again every hour; a failure is not kept for long. */
export function createTokenServer(
  { issuer, tokenEndpoint, client }: TokenServer,
  given: TokenServerPorts & { readonly dpop?: DpopSigner },
): Pick<TokenEndpoint, "request"> {
  const ports = given.fetch === undefined ? { ...given, send: sendPooled } : given;
  if (tokenEndpoint === undefined && issuer === undefined)
    throw new TypeError("a token server has an issuer or a token endpoint");
  const metadata =
    tokenEndpoint === undefined && issuer !== undefined
      ? createHeld(() => discoverAuthorizationServer(issuer, ports), { system: ports.system })
      : async () => ({ token_endpoint: tokenEndpoint ?? "" });
  let known: { readonly endpoint: TokenEndpoint; readonly identity: ClientIdentity } | undefined;
  const at = (token_endpoint: string, identity: ClientIdentity): TokenEndpoint => {
    if (known?.identity !== identity || known.endpoint.token_endpoint !== token_endpoint) {
      const options = { token_endpoint, client: identity, ...ports, ...(issuer && { assertionAudience: issuer }) };
      known = { endpoint: createTokenEndpoint(options), identity };
    }
    return known.endpoint;
  };
  return {
    async request(grant) {
      const identity = typeof client === "function" ? await client() : client;
      return at((await metadata()).token_endpoint, identity).request(grant);
    },
  };
}

type Obtain = TokenCredentialsOptions["obtain"];

/** Whose token is exchanged. Default: the caller's own, as it came. */
export type SubjectOf = (request: CredentialRequest) => Promise<string> | string;

const callerToken: SubjectOf = (request) => request.callerToken();

export interface ExchangeOptions {
  readonly server: Pick<TokenEndpoint, "request">;
  readonly target: Omit<Target, "scope">;
  readonly subjectOf?: SubjectOf;
  /** RFC 8693 §3; default: an access token. */
  readonly subject_token_type?: string | undefined;
  /** RFC 8693 §2.1: the gateway shows a token of its own as `actor_token`, where the server puts the party behind it into `act`. */
  readonly actor?: () => Promise<string>;
}

/** RFC 8693: the caller's token for one that is good at the system behind. */
export function exchange({ server, target, subjectOf = callerToken, actor, ...options }: ExchangeOptions): Obtain {
  return async (request, scope) => {
    const [subject_token, actor_token] = await Promise.all([subjectOf(request), actor?.()]);
    const answer = await server.request(
      tokenExchangeGrant({
        subject_token,
        subject_token_type: options.subject_token_type ?? ACCESS_TOKEN_TYPE,
        actor_token,
        ...target,
        scope,
      }),
    );
    requireAnother(answer, subject_token);
    return answer;
  };
}

/** A token of the gateway for itself, to be shown as `actor_token`; held like every other. */
export function actorToken(server: Pick<TokenEndpoint, "request">, system: System): () => Promise<string> {
  const held = createHeldTokens<TokenAnswer, undefined>({ system });
  const from = { until: Number.POSITIVE_INFINITY, owner: undefined };
  return async () => (await held.get("", from, () => server.request(clientCredentialsGrant({})))).access_token;
}

/** Entra's on-behalf-of, for servers whose callers have tokens of Entra. */
export function onBehalfOf({ server, subjectOf = callerToken }: Pick<ExchangeOptions, "server" | "subjectOf">): Obtain {
  return async (request, scope) => {
    const assertion = await subjectOf(request);
    const answer = await server.request(onBehalfOfGrant({ assertion, scope: scope ?? "" }));
    requireAnother(answer, assertion);
    return answer;
  };
}

/** RFC 6749 §4.4: the gateway for itself. Who the caller is stays here. */
export function clientCredentials({ server, target }: Pick<ExchangeOptions, "server" | "target">): Obtain {
  return (_request, scope) => server.request(clientCredentialsGrant({ ...target, scope }));
}

export interface IdJagOptions {
  /** The company's identity provider. */
  readonly idp: Pick<TokenEndpoint, "request">;
  /** The authorization server of the system behind, and its issuer. */
  readonly server: Pick<TokenEndpoint, "request">;
  readonly audience: string;
  readonly resource?: string | undefined;
  readonly subjectOf?: SubjectOf;
  readonly subject_token_type: string;
}

/** An ID-JAG of the identity provider, and with it a token of another company's server: nobody is asked in a browser. */
export function idJag({
  idp,
  server,
  audience,
  resource,
  subjectOf = callerToken,
  subject_token_type,
}: IdJagOptions): Obtain {
  return async (request, scope) => {
    const subject_token = await subjectOf(request);
    const subject = { subject_token, subject_token_type };
    const jag = await idp.request(idJagGrant({ ...subject, audience, resource, scope }));
    // What is no ID-JAG is not shown to another company's server: it may be an access token of ours.
    if (jag.issued_token_type !== ID_JAG_TOKEN_TYPE) {
      throw new OAuthError("server_garbage", { detail: "the identity provider issued something else than an ID-JAG" });
    }
    requireAnother(jag, subject_token);
    return server.request(jwtBearerGrant({ assertion: jag.access_token, resource, scope }));
  };
}

/** R-146 holds whatever a token endpoint answers: one that hands the very token back has exchanged nothing. */
function requireAnother({ access_token }: TokenAnswer, subject: string): void {
  if (access_token !== subject) return;
  throw new CredentialError("credential_garbage", "the token endpoint answered with the token that it was given");
}
