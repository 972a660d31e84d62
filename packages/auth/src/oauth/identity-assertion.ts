import { parseScope } from "../core/scope.js";
import { type AssertionExpectation, refuseAssertion, verifyAssertion } from "./assertion.js";
import type { DecodedJws } from "./jws.js";

/** The value of `authorization_grant_profiles_supported`, and the `typ` of its assertions (draft-ietf-oauth-identity-assertion-authz-grant). */
export const ID_JAG_PROFILE = "urn:ietf:params:oauth:grant-profile:id-jag";
export const ID_JAG_TYP = "oauth-id-jag+jwt";

/** Seconds. It is made for one exchange; what lives longer would only have to be remembered longer. */
const MAX_LIFETIME = 3_600;
const MAX_JTI_LENGTH = 256;

export interface IdentityAssertion {
  readonly sub: string;
  readonly jti: string;
  /** How long `jti` has to be remembered. */
  readonly expires: number;
  /** As the IdP limited them; `undefined`: it did not. */
  readonly scopes: readonly string[] | undefined;
  /** Values of `resource`, none to several; not checked against anything. */
  readonly resources: readonly string[];
}

/**
 * An Identity Assertion JWT Authorization Grant: a person of a company's IdP, for the client that presents it, at this server.
 * Does NOT check replay: the caller records `jti` until `expires`, which is REQUIRED. Does NOT check `typ` and `iss`: they chose this way.
 * @throws OAuthError `assertion_refused`, `scope_malformed`, `keys_unavailable`
 */
export async function validateIdentityAssertion(
  jws: DecodedJws,
  expected: AssertionExpectation & { readonly client_id: string },
): Promise<IdentityAssertion> {
  const { sub, jti, client_id, iat, exp, scope, resource } = jws.claims;
  if (client_id !== expected.client_id) throw refuseAssertion("made for another client");
  if (!isText(sub)) throw refuseAssertion("no sub");
  if (!isText(jti) || jti.length > MAX_JTI_LENGTH) throw refuseAssertion("no jti, or too long");
  if (typeof iat !== "number" || typeof exp !== "number" || exp - iat > MAX_LIFETIME) {
    throw refuseAssertion("no iat, or good for too long");
  }
  if (scope !== undefined && typeof scope !== "string") throw refuseAssertion("scope is malformed");
  const resources = resource === undefined ? [] : [resource].flat();
  if (!resources.every(isText)) throw refuseAssertion("resource is malformed");
  const expires = await verifyAssertion(jws, expected);
  return { sub, jti, expires, scopes: scope === undefined ? undefined : parseScope(scope), resources };
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
