// What the other folders use of federation.
export { mapRoles, type RoleMapping, rolesOf } from "./claims.js";
export {
  type BoundedFetch,
  boundedFetch,
  createHeld,
  discover,
  isLoopback,
  OPENID_DOCUMENT,
  oauthDocument,
  type ProviderMetadata,
} from "./discovery.js";
export type {
  ExternalCaller,
  ExternalGrant,
  ExternalGrantStore,
  ExternalSelector,
} from "./external-grants.js";
export {
  createIssuerIntrospection,
  createIssuerKeys,
  type ExternalIssuerOptions,
  type IssuerIntrospectionOptions,
} from "./external-issuer.js";
export { FEDERATION_ERRORS, FederationError, type FederationReason } from "./federation-error.js";
export { issuerProblem, quirksOf } from "./idp-quirks.js";
export type { IdpTokens } from "./kept-tokens.js";
export { type ForeignLogout, LogoutTokenError } from "./logout-token.js";
export {
  createRelyingParty,
  type ForeignFlow,
  type ForeignIdentity,
  type RelyingParty,
  type RelyingPartyOptions,
} from "./relying-party.js";
