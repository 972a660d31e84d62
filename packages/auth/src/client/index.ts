// The public face of the client role. Adding a line here makes it public.
export { createDpopSigner, type DpopProofClaims, type DpopSigner, formatDpopProof } from "../oauth/dpop-proof.js";
export { ACCESS_TOKEN_TYPE, ID_JAG_TOKEN_TYPE, ID_TOKEN_TYPE } from "../oauth/token-exchange.js";
export type { ClientIdentity } from "./authenticate-client.js";
export {
  type AuthorizationRequestOptions,
  createAuthorizationRequest,
  type PendingAuthorizationRequest,
  readAuthorizationAnswer,
} from "./authorization-request.js";
export type { Caller, DownstreamFetch, DownstreamTarget, ExchangedToken, TokenExchanger } from "./contract.js";
export { discoverAuthorizationServer, metadataUrls, type ServerMetadata, validateMetadata } from "./discover.js";
export { createTokenExchanger, type TokenExchangerOptions } from "./exchanger.js";
export {
  authorizationCodeGrant,
  clientCredentialsGrant,
  type GrantParameters,
  idJagGrant,
  jwtBearerGrant,
  onBehalfOfGrant,
  refreshTokenGrant,
  type Target,
  type TokenExchangeParameters,
  tokenExchangeGrant,
} from "./grants.js";
export { createHeldTokens, type Expiring, type HeldTokens, type HeldTokensOptions } from "./held-tokens.js";
export { type ClientHttpOptions, type Fetch, isSecureUrl, type Send } from "./http.js";
export { type TokenAnswer, TokenRefused } from "./token-answer.js";
export { createTokenEndpoint, type TokenEndpoint, type TokenEndpointOptions } from "./token-endpoint.js";
