import type { CallDetail } from "./call-details.js";

/** A party that acts for the subject (RFC 8693 §4.1). Only the outermost one is the *current* actor. */
export interface Actor {
  readonly sub: string;
  readonly iss?: string;
  readonly client_id?: string;
}

/**
 * Who is calling, as far as a verified token and our own records say. Made by `resource-server/authenticate` and by nothing else.
 * Nothing here comes from `clientInfo`, a request header or another claim of the caller about itself.
 */
export interface Principal {
  /** Issuer of the token; never mixed: (`iss`, `sub`) is the person, `sub` alone is not. */
  readonly iss: string;
  readonly sub: string;
  readonly client_id: string;
  /** The session (token family) under a grant; absent for tokens of servers that have none. */
  readonly sid: string | undefined;
  readonly jti: string | undefined;
  /** Scopes of the token as issued, before hierarchy is applied. */
  readonly scopes: readonly string[];
  /** Single calls that were agreed to beside the scopes (RFC 9396), for this resource; absent where there are none. */
  readonly details?: readonly CallDetail[];
  /** A person signed in and agreed (`user`), or a client acts for itself (`client`). */
  readonly kind: "user" | "client";
  /** RFC 8693 §4.1: the current actor. Rules may allow by it. */
  readonly actor: Actor | undefined;
  /** The earlier actors, newest first; informational, and read by `deny` rules only. */
  readonly chain: readonly Actor[];
  /** Key binding (RFC 7800, RFC 9449 §6.1). The proof has been verified already. */
  readonly cnf: { readonly jkt: string } | undefined;
  /** Groups or roles that a foreign token names. Nothing counts of them but what a record source makes of them, which becomes `roles`. */
  readonly asserted?: readonly string[];
  /** Roles of the user record, never of the token. */
  readonly roles: readonly string[];
  /** Expiry and issue time of the token, integer seconds. */
  readonly exp: number;
  readonly iat: number;
}

/** A stable key for everything that belongs to one caller through one client: (iss, sub, client_id), unambiguous. */
export function principalKey(principal: Pick<Principal, "iss" | "sub" | "client_id">): string {
  return JSON.stringify([principal.iss, principal.sub, principal.client_id]);
}
