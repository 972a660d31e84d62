import { OAuthError } from "../core/oauth-error.js";
import type { RequestHead } from "./contract.js";

export interface Credentials {
  readonly scheme: "bearer" | "dpop";
  /** As sent; whether it is a token is for the next step to say. */
  readonly token: string;
}

/**
 * The one access token of a request: one `Authorization` header, scheme Bearer or DPoP in any case (RFC 9110 §11.1), nothing in the query;
 * or the `access_token` of the form that was handed in (RFC 6750 §2.2), where forms are accepted.
 * @throws OAuthError `token_missing`, `token_several`, `token_in_query`.
 */
export function readCredentials(head: RequestHead, acceptsForms: boolean): Credentials {
  // R-24, RFC 9700 §4.3.2: a token in a URL ends up in logs and histories, so it is refused even where it is not needed.
  if (head.query.length > 1 && new URLSearchParams(head.query).has("access_token"))
    throw new OAuthError("token_in_query");
  const authorization = single(head, "authorization", "token_several");
  const posted = acceptsForms && head.method === "POST" ? (head.form?.getAll("access_token") ?? []) : [];
  // RFC 6750 §2: no more than one method, and no more than one token, in one request.
  if (posted.length > 1 || (posted.length === 1 && authorization !== undefined)) throw new OAuthError("token_several");
  if (posted[0] !== undefined) return { scheme: "bearer", token: posted[0] };
  if (authorization === undefined) throw new OAuthError("token_missing");
  const space = authorization.indexOf(" ");
  const scheme = (space === -1 ? authorization : authorization.slice(0, space)).toLowerCase();
  // RFC 6750 §3.1: another scheme is no attempt to present a token; the challenge then has no error code.
  if (scheme !== "bearer" && scheme !== "dpop") throw new OAuthError("token_missing", { detail: "another scheme" });
  const token = space === -1 ? "" : authorization.slice(space + 1).trim();
  if (token === "") throw new OAuthError("token_malformed", { detail: "no token after the scheme" });
  return { scheme, token };
}

/** The one DPoP proof (RFC 9449 §4.3 step 1). @throws OAuthError `dpop_proof` for several, `token_binding` for none. */
export function readProof(head: RequestHead): string {
  const proof = single(head, "dpop", "dpop_proof");
  if (proof === undefined) throw new OAuthError("token_binding", { detail: "no proof" });
  return proof;
}

/** Repeated headers come as an array or joined by commas, depending on the runtime; neither a token nor a proof has a comma. */
function single(head: RequestHead, name: string, reason: "token_several" | "dpop_proof"): string | undefined {
  const value = head.header(name);
  if (value === undefined || typeof value === "string") {
    if (value?.includes(",")) throw new OAuthError(reason, { detail: `several ${name} values` });
    return value;
  }
  if (value.length > 1) throw new OAuthError(reason, { detail: `several ${name} headers` });
  return value[0];
}
