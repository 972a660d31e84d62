import { OAuthError } from "../../core/oauth-error.js";
import { quote } from "../../core/quote.js";
import { decodeAssertion, JWT_BEARER_GRANT, refuseAssertion, typOf, verifyAssertion } from "../../oauth/assertion.js";
import { matchClaims } from "../../oauth/claim-rules.js";
import { ID_JAG_TYP, validateIdentityAssertion } from "../../oauth/identity-assertion.js";
import type { DecodedJws } from "../../oauth/jws.js";
import type { TrustedAssertionIssuer } from "../assertion-issuer.js";
import { AUTHORIZATION_DETAILS } from "../details/read-details.js";
import { findResource } from "../resources.js";
import type { PlainAnswer } from "../responses.js";
import type { Server } from "../server.js";
import { tokenResponse } from "../tokens.js";
import { answerForItself, onlyResource } from "./client-credentials.js";
import type { GrantType, TokenRequest, UnauthenticatedRequest } from "./grant-type.js";
import { openSession } from "./open-session.js";
import { grantableScopes, readScopes, requireConfidential, standingGrant } from "./own-tokens.js";

interface Assertion {
  readonly jws: DecodedJws;
  readonly issuer: TrustedAssertionIssuer;
}

/** `typ` of tokens that platforms give their workloads: Kubernetes sends none, GitHub `JWT`, SPIFFE `JWT` or `JOSE`. */
const WORKLOAD_TYPES: readonly (string | undefined)[] = [undefined, "jwt", "jose"];

/**
 * RFC 7523 §2.1. One grant for two profiles: an ID-JAG says so in its `typ`, and comes from a client that authenticates; a platform's token
 * authenticates its workload by itself (§3.1). Neither gives a refresh token: the assertion's issuer is to be asked again.
 */
export const jwtBearer: GrantType = {
  name: JWT_BEARER_GRANT,
  parameters: ["assertion", "scope", "resource", AUTHORIZATION_DETAILS],
  when: ({ options }) => (options.trustedIssuers?.length ?? 0) > 0,
  async handle(request) {
    const assertion = readAssertion(request);
    if (typOf(assertion.jws) === ID_JAG_TYP) return answerForPerson(request, assertion);
    const { client_id, resource } = await identifyWorkload(request, assertion);
    if (client_id !== request.client.metadata.client_id) throw refuseAssertion("another workload than the client");
    return answerForItself(request, client_id, resource);
  },
  async handleUnauthenticated(request) {
    const assertion = readAssertion(request);
    if (typOf(assertion.jws) === ID_JAG_TYP)
      throw new OAuthError("client_authentication", { detail: "an ID-JAG without" });
    const { client_id, resource } = await identifyWorkload(request, assertion);
    return answerForItself(request, client_id, resource);
  },
};

function readAssertion({ server, parameters }: UnauthenticatedRequest): Assertion {
  const text = parameters.one("assertion");
  if (text === undefined) throw new OAuthError("request_malformed", { description: "The assertion is missing." });
  const jws = decodeAssertion(text);
  const issuer = server.options.trustedIssuers?.find((trusted) => trusted.issuer === jws.claims.iss);
  if (issuer === undefined) throw refuseAssertion(`issuer ${quote(String(jws.claims.iss))} is not trusted`);
  return { jws, issuer };
}

/** This server, as profiles name it: its issuer, and for workloads (RFC 7523 §3) the token endpoint. One slash at the end is forgiven. */
function audiences(server: Server, tokenEndpoint: boolean): readonly string[] {
  const issuer = server.issuer.replace(/\/$/, "");
  return [issuer, `${issuer}/`, ...(tokenEndpoint ? [server.endpoint("/token")] : [])];
}

/** Enterprise-managed authorization: the company's IdP has decided, our entitlements still hold, and nobody is asked at a page. */
async function answerForPerson(request: TokenRequest, { jws, issuer }: Assertion): Promise<PlainAnswer> {
  const { server, parameters, client } = request;
  requireConfidential(client.metadata);
  if (issuer.subjectOf === undefined) throw refuseAssertion("the issuer may not vouch for people");
  // The identity provider decides by scopes; what it did not see is not read out of them.
  if (server.options.authorizationDetails === true && parameters.one(AUTHORIZATION_DETAILS) !== undefined) {
    throw new OAuthError("details_refused", {
      description: "An ID-JAG goes with scopes, not with authorization_details.",
    });
  }
  const { client_id } = client.metadata;
  const now = server.system.now();
  const expected = {
    client_id,
    audience: audiences(server, false),
    keys: issuer.keys,
    verifySignature: server.cryptography.verifySignature,
  };
  const assertion = await validateIdentityAssertion(jws, { ...expected, now });
  // The IdP's word, the request's, or the only one there is: where both speak they say the same.
  const [named] = assertion.resources.length === 0 ? [] : [findResource(server, assertion.resources)];
  const resource = named ?? onlyResource(request);
  if (onlyNamed(request) !== undefined && onlyNamed(request) !== resource) {
    throw new OAuthError("target_unknown", { detail: "another resource than the assertion's" });
  }
  const key = JSON.stringify([issuer.issuer, assertion.jti]);
  if (!(await server.options.storage.replay.record("id_jag", key, assertion.expires, now))) {
    server.system.log("warn", "ID-JAG replayed", { issuer: issuer.issuer, client_id });
    throw refuseAssertion("used before");
  }
  const sub = await issuer.subjectOf(jws.claims);
  if (sub === undefined) throw refuseAssertion("nobody here");
  const who = { sub, client_id, resource };
  const asked = intersect(readScopes(parameters.one("scope")), assertion.scopes);
  const scopes = await grantableScopes(server, who, asked);
  const { id: grant_id } = await standingGrant(server, who, scopes);
  const session = await openSession(request, { grant_id, scopes, auth_time: authTimeOf(jws, now), ...who });
  return tokenResponse(request, session, { scopes, refresh_token: undefined });
}

function onlyNamed({ server, parameters }: TokenRequest): string | undefined {
  return findResource(server, parameters.all("resource"));
}

/** @throws OAuthError `scope_refused` when both name scopes and no scope is in both: less than nothing must not become everything */
function intersect(asked: readonly string[], limit: readonly string[] | undefined): readonly string[] {
  if (limit === undefined) return asked;
  const both = asked.length === 0 ? limit : asked.filter((scope) => limit.includes(scope));
  if (both.length === 0) throw new OAuthError("scope_refused");
  return both;
}

function authTimeOf({ claims }: DecodedJws, now: number): number {
  const { auth_time } = claims;
  return typeof auth_time === "number" && Number.isSafeInteger(auth_time) && auth_time <= now ? auth_time : now;
}

/**
 * Which client a platform's token stands for, and where it may go. The token may come again until it expires, since platforms hand out one
 * for many requests; so no `jti` is asked for.
 */
async function identifyWorkload(request: UnauthenticatedRequest, { jws, issuer }: Assertion) {
  const { server } = request;
  if (issuer.workloads === undefined) throw refuseAssertion("the issuer may not vouch for workloads");
  if (!WORKLOAD_TYPES.includes(typOf(jws))) throw refuseAssertion("typ is of another kind of token");
  const { verifySignature } = server.cryptography;
  const expected = { audience: audiences(server, true), keys: issuer.keys, verifySignature };
  await verifyAssertion(jws, { ...expected, now: server.system.now() });
  const resource = onlyResource(request);
  const rule = issuer.workloads.find(
    ({ claims, resources }) => matchClaims(claims, jws.claims) && (resources?.includes(resource) ?? true),
  );
  if (rule === undefined) throw refuseAssertion("no rule for this workload and resource");
  server.system.log("info", "workload identified", {
    client_id: rule.client_id,
    subject: quote(String(jws.claims.sub)),
  });
  return { client_id: rule.client_id, resource };
}
