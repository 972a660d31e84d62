import { OAuthError } from "../core/oauth-error.js";
import { formatScope } from "../core/scope.js";
import { formatActors } from "../oauth/token-exchange.js";
import { findToken } from "./find-token.js";
import { heldNow } from "./held-now.js";
import { jsonResponse, type PlainAnswer } from "./responses.js";
import type { FormRequest } from "./steps/authenticate-client.js";
import type { ClientRecord } from "./storage.js";

/**
 * RFC 7662 §2 for resource servers that cannot verify a JWT or want to know of revocation at once. Only a client that proved itself is
 * answered, and only about access tokens for its own resources: everything else is inactive, and looks the same (§4). What is no longer
 * granted is not said, so that a change of entitlement bites here as it does at a gateway.
 */
export async function introspect({
  server,
  form,
  client,
}: FormRequest & { readonly client: ClientRecord }): Promise<PlainAnswer> {
  const { client_id, token_endpoint_auth_method } = client.metadata;
  if (token_endpoint_auth_method === "none")
    throw new OAuthError("client_authentication", { detail: "a public client" });
  const token = form.one("token");
  if (token === undefined) throw new OAuthError("request_malformed", { description: "The token is missing." });
  const found = await findToken(server, token);
  const own = server.options.introspectedBy?.(client_id) ?? [];
  const held = found !== undefined && own.includes(found.audience) ? await heldNow(server, found) : undefined;
  if (found === undefined || held === undefined) return jsonResponse({ active: false });
  const { claims, session, audience } = found;
  const act = formatActors([claims.actor, ...claims.chain].filter((actor) => actor !== undefined));
  return jsonResponse({
    active: true,
    iss: claims.iss,
    sub: claims.sub,
    aud: audience,
    client_id: claims.client_id,
    scope: formatScope(held.scopes),
    // RFC 9396 §9.2.
    ...(held.details.length === 0 ? {} : { authorization_details: held.details }),
    token_type: claims.cnf === undefined ? "Bearer" : "DPoP",
    ...(claims.cnf === undefined ? {} : { cnf: claims.cnf }),
    exp: claims.exp,
    iat: claims.iat,
    jti: claims.jti,
    sid: session.id,
    // RFC 8693 §4.1: who acts for the subject.
    ...(act === undefined ? {} : { act }),
  });
}
