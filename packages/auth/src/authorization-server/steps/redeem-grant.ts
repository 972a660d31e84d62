import { OAuthError } from "../../core/oauth-error.js";
import { quote } from "../../core/quote.js";
import type { GrantType } from "../grants/grant-type.js";
import { findGrantType } from "../grants/table.js";
import type { PlainAnswer } from "../responses.js";
import type { ClientRecord } from "../storage.js";
import type { FormRequest } from "./authenticate-client.js";
import type { KeyProven } from "./prove-key.js";

interface GrantRequest extends FormRequest {
  readonly grant: GrantType;
}

/** Asked before the client is, so that nobody has to authenticate to learn that there is no such grant. */
export function findGrant(flow: FormRequest): GrantRequest {
  const name = flow.form.one("grant_type");
  if (name === undefined) throw new OAuthError("request_malformed", { description: "The grant_type is missing." });
  const grant = findGrantType(flow.server, name);
  if (grant === undefined) throw new OAuthError("grant_type_unsupported", { detail: quote(name) });
  return { grant, ...flow };
}

/**
 * For the grants that know a sender without a client (RFC 7523 §3.1, RFC 6749 §3.2.1). A bare `client_id` proves nothing, and is not read.
 */
export function answerUnauthenticated(
  flow: GrantRequest & KeyProven,
): Promise<PlainAnswer> | (GrantRequest & KeyProven) {
  const { grant, form, request } = flow;
  const authenticates =
    request.headers.has("authorization") || ["client_secret", "client_assertion"].some((name) => form.one(name));
  if (grant.handleUnauthenticated === undefined || authenticates) return flow;
  return grant.handleUnauthenticated({ parameters: form.pick(grant.parameters), ...flow });
}

/** The grant's own file does the rest, and sees its own parameters only. */
export function redeemGrant(flow: GrantRequest & KeyProven & { readonly client: ClientRecord }): Promise<PlainAnswer> {
  const { grant, client, form, proof } = flow;
  if (!client.metadata.grant_types.includes(grant.name)) throw new OAuthError("client_not_allowed");
  // RFC 9449 §5.2: the client said that it never wants a token that is not bound.
  if (client.metadata.dpop_bound_access_tokens === true && proof === undefined) {
    throw new OAuthError("dpop_proof", { detail: "the client registered dpop_bound_access_tokens" });
  }
  return grant.handle({ parameters: form.pick(grant.parameters), ...flow });
}
