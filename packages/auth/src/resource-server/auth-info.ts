import type { Authenticated } from "./contract.js";

/** The shape that the MCP SDK's handlers take as `authInfo`. */
export interface AuthInfo {
  /** Always empty: a tool has no use for the caller's token, and must not pass it on. */
  readonly token: "";
  readonly clientId: string;
  readonly scopes: string[];
  readonly expiresAt: number;
  readonly extra: { readonly iss: string; readonly sub: string; readonly roles: readonly string[] };
}

/** What a handler of the MCP SDK may know of the caller: `handler.fetch(request, { authInfo: authInfoOf(who) })`. */
export function authInfoOf({ principal }: Authenticated): AuthInfo {
  const { iss, sub, roles, client_id, scopes, exp } = principal;
  return { token: "", clientId: client_id, scopes: [...scopes], expiresAt: exp, extra: { iss, sub, roles } };
}
