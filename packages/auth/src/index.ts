// The public face of the resource server and of the shared words. Adding a line here makes it public.
export { matchesCall } from "./core/call-detail-match.js";
export { type CallDetailWords, describeCallDetail, showText } from "./core/call-detail-words.js";
export {
  type ArgumentLimit,
  type AskedCallDetail,
  CALL_DETAIL_TYPE,
  type CallDetail,
  parseCallDetails,
  readCallDetails,
} from "./core/call-details.js";
export { type CallGlob, createCallGlob, createScopeGlob, namesRequests, targetOf } from "./core/call-glob.js";
export { type Challenge, formatChallenge, parseChallenges } from "./core/challenge.js";
export type { ClientMetadata } from "./core/client-metadata.js";
export { CLIENT_REQUESTS, type ClientRequest, clientRequestCall } from "./core/client-request.js";
export type { Allowed, Decision, Denied, RecordedDenial } from "./core/decision.js";
export { evaluate, reachability } from "./core/evaluate.js";
export { createGlob, type Glob } from "./core/glob.js";
export { type JsonFault, type JsonScan, scanJson } from "./core/json-scan.js";
export { judgedCalls } from "./core/judged-calls.js";
export { rewriteAnswer, type ShowResult } from "./core/mcp-answer.js";
export {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  type McpCall,
  type McpKind,
  MODERN,
  REVISIONS,
  type Revision,
  UNKNOWN_ARGUMENTS,
} from "./core/mcp-call.js";
export { McpError } from "./core/mcp-error.js";
export { checkMcpHeaders, type HeaderLookup, type McpHeaderOptions } from "./core/mcp-headers.js";
export {
  MAX_BODY_BYTES,
  type McpBody,
  type McpMessage,
  type McpNotification,
  type McpRequest,
  type McpResponse,
  parseMcpBody,
} from "./core/mcp-message.js";
export { type CallContext, callsOf } from "./core/method-table.js";
export { OAUTH_ERRORS, OAuthError, type OAuthErrorReason } from "./core/oauth-error.js";
export { parseJson } from "./core/parse-json.js";
export type { EvaluationInput, Policy, RequestFacts, Rule } from "./core/policy.js";
export { type Actor, type Principal, principalKey } from "./core/principal.js";
export {
  describeRedirectUri,
  isRegisteredRedirectUri,
  type RedirectUriKind,
  type RedirectUriOptions,
  validateRedirectUri,
} from "./core/redirect-uri.js";
export {
  normaliseResourcePattern,
  normaliseResourceUri,
  parseResource,
  protectedResourceMetadataUrl,
} from "./core/resource.js";
export { createScopeHierarchy, expandScopes, formatScope, parseScope, type ScopeHierarchy } from "./core/scope.js";
export { type AccessTokenClaims, formatAccessToken, type TokenDialect } from "./oauth/access-token.js";
export { claimAt, claimValues, missingClaim, type RequiredClaims } from "./oauth/claims.js";
export type { Cryptography, Sealing, Sign } from "./oauth/cryptography.js";
export { DPOP_ALGORITHMS, type DpopNonces, type ReplayRecorder, validateDpopProof } from "./oauth/dpop.js";
export { fetchConfiguredDocument, type PostForm } from "./oauth/fetch-document.js";
export {
  createIntrospection,
  type Introspected,
  type Introspection,
  type IntrospectionOptions,
} from "./oauth/introspection.js";
export type {
  KeySet,
  SignatureAlgorithm,
  SigningAlgorithm,
  SigningKey,
  SigningKeys,
  VerifySignature,
} from "./oauth/key-set.js";
export { localKeySet, SIGNING_ALGORITHMS } from "./oauth/key-set.js";
export { createRemoteKeySet, type RemoteKeySetOptions } from "./oauth/remote-key-set.js";
export type { Sha256 } from "./oauth/thumbprint.js";
export { formatActors } from "./oauth/token-exchange.js";
export { type AuthInfo, authInfoOf } from "./resource-server/auth-info.js";
export type {
  Authenticated,
  EntitledBy,
  Judged,
  Judgement,
  Liveness,
  Refusal,
  RequestHead,
  ResourceServer,
  ResourceServerOptions,
  TrustedIssuer,
} from "./resource-server/contract.js";
export { filterList, LISTS, type ListContext, listMethodOf } from "./resource-server/filter-list.js";
export { liveSessions, type SessionRecords } from "./resource-server/live-sessions.js";
export { noLocalRecords } from "./resource-server/no-local-records.js";
export { createOriginPolicy, type OriginPolicy, type OriginVerdict } from "./resource-server/origin.js";
export {
  type McpHandler,
  type ProtectedMcp,
  type ProtectMcpOptions,
  protectMcp,
} from "./resource-server/protect-mcp.js";
export {
  type ApiRequestHead,
  createProtectedApi,
  type ProtectedApi,
  type ProtectedApiOptions,
} from "./resource-server/protected-api.js";
export { createResourceServer } from "./resource-server/resource-server.js";
export { type ScopePolicy, type ScopePolicyOptions, scopePolicy } from "./resource-server/scope-policy.js";
export { scopeRefusalAsResult } from "./resource-server/scope-result.js";
export { base64url, type Log, randomToken, type System, system } from "./system.js";
