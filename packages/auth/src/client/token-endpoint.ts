import { type DpopSigner, formatDpopProof } from "../oauth/dpop-proof.js";
import { sha256Web } from "../oauth/thumbprint.js";
import { randomToken, system as realSystem, type System } from "../system.js";
import { type ClientIdentity, proveClient } from "./authenticate-client.js";
import type { GrantParameters } from "./grants.js";
import { type ClientHttpOptions, failure, isSecureUrl, type JsonAnswer, requestJson } from "./http.js";
import { readTokenAnswer, type TokenAnswer } from "./token-answer.js";

export interface TokenEndpointOptions extends ClientHttpOptions {
  /** https, or http on loopback. */
  readonly token_endpoint: string;
  readonly client: ClientIdentity;
  /** `aud` of `private_key_jwt` assertions: the issuer where it is known; default: the token endpoint. */
  readonly assertionAudience?: string;
  /** Bind what is issued to this key (RFC 9449 §5). A server that answers with a token that is not bound is refused. */
  readonly dpop?: DpopSigner;
  readonly system?: System;
}

export interface TokenEndpoint {
  readonly token_endpoint: string;
  readonly client_id: string;
  /** One request. Nothing is retried but for a DPoP nonce, once (RFC 9449 §8). @throws OAuthError; TokenRefused when the server says no */
  request(grant: GrantParameters): Promise<TokenAnswer>;
}

/** Parameters that are no secrets. */
const PUBLIC: ReadonlySet<string> = new Set([
  ...["grant_type", "resource", "audience", "scope", "redirect_uri", "requested_token_use"],
  ...["subject_token_type", "actor_token_type", "requested_token_type"],
]);

/** A client of one token endpoint (RFC 6749 §3.2). @throws TypeError for options that cannot work. */
export function createTokenEndpoint(options: TokenEndpointOptions): TokenEndpoint {
  const { token_endpoint, client, dpop, system = realSystem } = options;
  if (!isSecureUrl(token_endpoint)) throw new TypeError("token_endpoint: an https URL is needed, or http on loopback");
  if (client.client_id === "") throw new TypeError("client: client_id is empty");
  const audience = options.assertionAudience ?? token_endpoint;
  let nonce: string | undefined;

  const send = async (grant: GrantParameters): Promise<JsonAnswer> => {
    const { headers, parameters } = await proveClient(client, { audience, system });
    const proof = dpop === undefined ? {} : { dpop: await prove(dpop, { token_endpoint, nonce, system }) };
    const body = new URLSearchParams([...grant, ...Object.entries(parameters)].map(([name, value]) => [name, value]));
    const asked = { body, headers: { accept: "application/json", ...headers, ...proof } };
    const answer = await requestJson(token_endpoint, asked, options);
    nonce = answer.headers.get("dpop-nonce") ?? nonce;
    return answer;
  };

  return {
    token_endpoint,
    client_id: client.client_id,
    async request(grant) {
      const before = nonce;
      let answer = await send(grant);
      const wantsNonce = answer.body?.error === "use_dpop_nonce" && nonce !== before;
      if (dpop !== undefined && wantsNonce) answer = await send(grant);
      const secrets = grant.flatMap(([name, value]) => (PUBLIC.has(name) ? [] : [value]));
      const token = readTokenAnswer(answer, { url: token_endpoint, now: system.now(), secrets });
      // RFC 9449 §5: a token that is not bound is not what was asked for.
      if (dpop !== undefined && token.token_type === "Bearer") {
        throw failure("server_garbage", token_endpoint, "the token is not bound to the key");
      }
      if (dpop === undefined && token.token_type === "DPoP") {
        throw failure("server_garbage", token_endpoint, "the token is bound to a key that nobody named");
      }
      return token;
    },
  };
}

function prove(
  signer: DpopSigner,
  { token_endpoint, nonce, system }: { token_endpoint: string; nonce: string | undefined; system: System },
): string | Promise<string> {
  const claims = { htm: "POST", htu: token_endpoint, nonce, jti: randomToken(system, 16), iat: system.now() };
  return formatDpopProof(signer, claims, sha256Web);
}
