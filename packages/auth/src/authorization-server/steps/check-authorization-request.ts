import { OAuthError, type OAuthErrorReason } from "../../core/oauth-error.js";
import { type Parameters, refuseRepeated } from "../../oauth/parameters.js";
import { isCodeChallenge } from "../../oauth/pkce.js";
import type { Redirectable } from "./prove-redirect-uri.js";

const MAX_STATE_LENGTH = 4096;
/** base64url of a SHA-256. */
const THUMBPRINT = /^[A-Za-z0-9_-]{43}$/;

/** What a request must be, in the order in which it is asked. */
const RULES: readonly { readonly reason: OAuthErrorReason; breaks(parameters: Parameters): boolean }[] = [
  // RFC 9101 §6.1 and OpenID Connect Core §3.1.2.6 name the two answers; to ignore a signed request would be to trust its unsigned copy.
  { reason: "request_object_unsupported", breaks: (asked) => asked.one("request") !== undefined },
  { reason: "request_uri_unsupported", breaks: (asked) => asked.one("request_uri") !== undefined },
  { reason: "response_type_unsupported", breaks: (asked) => asked.one("response_type") !== "code" },
  { reason: "response_mode_unsupported", breaks: (asked) => (asked.one("response_mode") ?? "query") !== "query" },
  // PKCE for every client, confidential ones too. RFC 7636 §4.3: an absent method would mean `plain`.
  { reason: "code_challenge_missing", breaks: (asked) => asked.one("code_challenge") === undefined },
  { reason: "code_challenge_malformed", breaks: (asked) => asked.one("code_challenge_method") !== "S256" },
  { reason: "code_challenge_malformed", breaks: (asked) => !isCodeChallenge(asked.one("code_challenge") ?? "") },
  // RFC 9449 §10: a key that no proof can have would make a code that nobody can redeem.
  { reason: "request_malformed", breaks: (asked) => !THUMBPRINT.test(asked.one("dpop_jkt") ?? "A".repeat(43)) },
  { reason: "request_malformed", breaks: (asked) => (asked.one("state")?.length ?? 0) > MAX_STATE_LENGTH },
];

/** RFC 6749 §4.1.1, §4.1.2.1: what is wrong with the request itself; the client is told by redirect. */
export function checkAuthorizationRequest(flow: Redirectable): Redirectable {
  refuseRepeated(flow.parameters, ["resource"]);
  const broken = RULES.find(({ breaks }) => breaks(flow.parameters));
  if (broken !== undefined) throw new OAuthError(broken.reason);
  if (!flow.client.metadata.grant_types.includes("authorization_code")) throw new OAuthError("client_not_allowed");
  return flow;
}
