import type { CallDetail } from "../core/call-details.js";
import { formatScope } from "../core/scope.js";
import { type AccessTokenClaims, signAccessToken } from "../oauth/access-token.js";
import { type Awaitable, chain } from "../oauth/awaitable.js";
import { randomToken } from "../system.js";
import { jsonResponse, type PlainAnswer } from "./responses.js";
import type { Server } from "./server.js";
import type { KeyProven } from "./steps/prove-key.js";
import type { Session } from "./storage.js";

/** What one answer gives, besides what its session says. */
export interface Granted {
  readonly scopes: readonly string[];
  /** Default: none. */
  readonly details?: readonly CallDetail[];
  readonly refresh_token: string | undefined;
  /** Who acts for the subject (RFC 8693 §4.1). Default: nobody. */
  readonly act?: AccessTokenClaims["act"];
  /** Member of the answer (RFC 8693 §2.2.1). Default: left out. */
  readonly issued_token_type?: string;
}

/**
 * RFC 6749 §5.1: the answer of every grant. The access token is a JWT by RFC 9068 for the session's one resource, lives no longer than
 * the session, and carries the session's id, by which it can be ended; with a proof it is bound to the key (RFC 9449 §5). `scope` is
 * always said, also when it is what was asked; it is empty where only details were granted (RFC 9396 §7).
 */
export async function tokenResponse(
  { server, proof }: Pick<KeyProven, "server" | "proof">,
  session: Session,
  granted: Granted,
): Promise<PlainAnswer> {
  const iat = server.system.now();
  const exp = Math.min(iat + server.lifetimes.accessToken, session.expires);
  const scope = formatScope(granted.scopes);
  const { details = [] } = granted;
  const authorization_details = details.length === 0 ? undefined : details;
  // JSON leaves out what is undefined, which costs less than not putting it in.
  const claims: AccessTokenClaims = {
    iss: server.issuer,
    sub: session.sub,
    aud: session.resource,
    client_id: session.client_id,
    scope,
    jti: randomToken(server.system, 16),
    iat,
    exp,
    sid: session.id,
    auth_time: session.auth_time,
    may_act: mayActClaim(server, session),
    authorization_details,
    act: granted.act,
    cnf: proof && { jkt: proof.jkt },
  };
  const body = {
    access_token: await sign(server, claims),
    token_type: proof === undefined ? "Bearer" : "DPoP",
    expires_in: exp - iat,
    scope,
    authorization_details,
    refresh_token: granted.refresh_token,
    issued_token_type: granted.issued_token_type,
  };
  const { nonces } = server.options.dpop ?? {};
  // RFC 9449 §8.2: the next nonce comes with the answer, so that the next request need not ask for it.
  const headers: Record<string, string> = {};
  if (proof !== undefined && nonces !== undefined) headers["dpop-nonce"] = nonces.current(iat);
  return jsonResponse(body, { headers });
}

function sign({ options, cryptography, signatures }: Server, claims: AccessTokenClaims): Awaitable<string> {
  return chain(options.keys.current(), (key) =>
    chain(signAccessToken(claims, key, cryptography.sign), (token) =>
      chain(signatures.made(token, key.privateKey), () => token),
    ),
  );
}

/** RFC 8693 §4.4: whom the operator lets act for the users of this client. */
function mayActClaim({ options }: Server, { client_id }: Session): AccessTokenClaims["may_act"] {
  const actor = options.actorFor?.(client_id);
  return actor === undefined ? undefined : { sub: actor, client_id: actor };
}
