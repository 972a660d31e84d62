import { holdSubjectToken, subjectTokenOf } from "../oauth/subject-token.js";
import type { Authenticated } from "./contract.js";

/** The shape that the MCP SDK's handlers take as `authInfo`. */
export interface AuthInfo {
  /**
   * Always empty: a tool must not pass the caller's token on. One that calls other servers exchanges it: `exchangeToken(authInfo, …)`
   * of `@sallyport/auth/client`.
   */
  readonly token: "";
  readonly clientId: string;
  readonly scopes: string[];
  readonly expiresAt: number;
  readonly extra: { readonly iss: string; readonly sub: string; readonly roles: readonly string[] };
}

/** What a handler of the MCP SDK may know of the caller: `handler.fetch(request, { authInfo: authInfoOf(who) })`. */
export function authInfoOf(who: Authenticated): AuthInfo {
  const { iss, sub, roles, client_id, scopes, exp } = who.principal;
  const extra = { iss, sub, roles };
  const authInfo: AuthInfo = { token: "", clientId: client_id, scopes: [...scopes], expiresAt: exp, extra };
  const subject = subjectTokenOf(who);
  if (subject !== undefined) holdSubjectToken(authInfo, subject);
  return authInfo;
}
