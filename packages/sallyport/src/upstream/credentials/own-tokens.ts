import {
  type AccessTokenClaims,
  type Actor,
  expandScopes,
  formatAccessToken,
  formatActors,
  type Policy,
  type Principal,
  randomToken,
  type ScopeHierarchy,
  type SigningKeys,
  type System,
} from "@sallyport/auth";
import { type DownstreamApi, deriveScopes } from "@sallyport/auth/authorization-server";
import { scopesOfCalls } from "./call-scopes.js";
import { CredentialError } from "./credential-error.js";
import type { TokenCredentialsOptions } from "./token-credentials.js";

export interface OwnTokensOptions {
  readonly issuer: string;
  readonly keys: SigningKeys;
  /** The protected server in front: it is the party that acts. */
  readonly resource: string;
  readonly policy: Policy;
  readonly api: DownstreamApi;
  /** Seconds that a token lives at most. */
  readonly lifetime: number;
  readonly system: System;
}

/**
 * Tokens of our own authorization server for an API behind, made in process: what a token exchange would give, without the round trip. The
 * person stays the subject, the server in front is the current actor, and before it whoever acted (RFC 8693 §4.1).
 */
export function ownTokens(options: OwnTokensOptions): Pick<TokenCredentialsOptions, "obtain" | "scopeOf"> {
  const { issuer, keys, resource, policy, api, lifetime, system } = options;
  /** By the scopes that calls needed, of which there are few; for as long as the policy has the same hierarchy. */
  let derived: { readonly from: ScopeHierarchy; readonly scopes: Map<string, string> } | undefined;
  const scopeAt = (held: readonly string[]): string => {
    const { hierarchy } = policy;
    if (derived?.from !== hierarchy) derived = { from: hierarchy, scopes: new Map() };
    const key = held.join(" ");
    const known = derived.scopes.get(key);
    if (known !== undefined) return known;
    const scope = deriveScopes(api, expandScopes(hierarchy, held)).join(" ");
    if (scope === "") {
      throw new CredentialError("credential_refused", `nothing at the API comes from ${JSON.stringify(key)}`);
    }
    derived.scopes.set(key, scope);
    return scope;
  };
  return {
    scopeOf(request) {
      const needed = scopesOfCalls(policy, request);
      return scopeAt(needed.length === 0 ? request.principal.scopes : needed);
    },
    async obtain({ principal }, scope) {
      // A subject is a name at its issuer: another issuer's person is nobody here.
      if (principal.iss !== issuer) throw new CredentialError("credential_refused", "a caller of another issuer");
      const iat = system.now();
      const exp = Math.min(iat + lifetime, principal.exp);
      const claims: AccessTokenClaims = {
        iss: issuer,
        sub: principal.sub,
        aud: api.resource,
        client_id: resource,
        scope: scope ?? "",
        jti: randomToken(system, 16),
        iat,
        exp,
        ...(principal.sid === undefined ? {} : { sid: principal.sid }),
        act: formatActors([{ sub: resource, client_id: resource }, ...actorsOf(principal)]) ?? {},
      };
      return { access_token: await formatAccessToken(claims, keys), expires: exp };
    },
  };
}

/** Who acts for the person: those of the token, newest first; where it names none, the client that the token was issued to. */
function actorsOf({ actor, chain, client_id, kind }: Principal): readonly Actor[] {
  if (actor !== undefined) return [actor, ...chain];
  return kind === "user" ? [{ sub: client_id, client_id }] : [];
}
