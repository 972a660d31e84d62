import { OAuthError } from "../core/oauth-error.js";
import { CLIENT_ASSERTION_TYPE, subjectOfAssertion } from "./client-assertion.js";
import type { Parameters } from "./parameters.js";

/** How a client says who it is at the token, revocation and introspection endpoints (RFC 6749 §2.3). Nothing about it is verified yet. */
export type ClientCredentials =
  | { readonly method: "none"; readonly client_id: string }
  | { readonly method: "private_key_jwt"; readonly client_id: string; readonly assertion: string }
  | {
      readonly method: "client_secret_basic" | "client_secret_post";
      readonly client_id: string;
      readonly secret: string;
    };

/**
 * Reads the credentials of a request, whichever way they came. @throws OAuthError `client_authentication` when there are none or the
 * header cannot be read, `request_malformed` when they came in two ways (RFC 6749 §2.3).
 */
export function parseClientCredentials(authorization: string | null, form: Parameters): ClientCredentials {
  const client_id = form.one("client_id");
  const secret = form.one("client_secret");
  const assertion = form.one("client_assertion");
  if (assertion !== undefined) {
    if (authorization !== null || secret !== undefined) throw severalWays();
    return parseAssertion(assertion, form);
  }
  if (authorization !== null) {
    const basic = parseBasic(authorization);
    if (secret !== undefined || (client_id !== undefined && client_id !== basic.client_id)) {
      throw severalWays();
    }
    return { method: "client_secret_basic", ...basic };
  }
  if (client_id === undefined) throw new OAuthError("client_authentication", { detail: "no client_id" });
  return secret === undefined ? { method: "none", client_id } : { method: "client_secret_post", client_id, secret };
}

/** RFC 7521 §4.2: `client_id` may be left out, since the assertion says it; if it is there they must agree. */
function parseAssertion(assertion: string, form: Parameters): ClientCredentials {
  const client_id = subjectOfAssertion(assertion);
  const agrees = (form.one("client_id") ?? client_id) === client_id;
  if (form.one("client_assertion_type") !== CLIENT_ASSERTION_TYPE || !agrees) {
    throw new OAuthError("client_authentication", { detail: "assertion of another type or client" });
  }
  return { method: "private_key_jwt", client_id, assertion };
}

function severalWays(): OAuthError {
  return new OAuthError("request_malformed", { description: "The client authenticated in more than one way." });
}

/** RFC 6749 §2.3.1: both halves are form-encoded before they are joined. */
function parseBasic(authorization: string): { readonly client_id: string; readonly secret: string } {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization)?.[1];
  try {
    const bytes = Uint8Array.from(atob(encoded ?? "?"), (character) => character.charCodeAt(0));
    const [, id, secret] = /^([^:]*):(.*)$/s.exec(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) ?? [];
    if (id === undefined || secret === undefined) throw new SyntaxError("no colon");
    const decode = (text: string) => decodeURIComponent(text.replaceAll("+", " "));
    return { client_id: decode(id), secret: decode(secret) };
  } catch (cause) {
    throw new OAuthError("client_authentication", { detail: "Authorization is not readable Basic", cause });
  }
}

/** The inverse: an `Authorization` header of RFC 6749 §2.3.1, both halves form-encoded before they are joined. */
export function formatBasic(id: string, secret: string): string {
  const encode = (value: string) => new URLSearchParams({ "": value }).toString().slice(1);
  return `Basic ${btoa(`${encode(id)}:${encode(secret)}`)}`;
}
