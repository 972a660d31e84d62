// The public face of the authorization server. Adding a line here makes it public.

export type { PlainRequest } from "../oauth/parameters.js";
export type { TrustedAssertionIssuer, WorkloadRule } from "./assertion-issuer.js";
export type {
  AuthorizationServer,
  AuthorizationServerOptions,
  DocumentAdmission,
  DownstreamApi,
  ExchangePermission,
  FetchDocument,
  ResourceDescription,
  SeenClientDocument,
  SignedInUser,
} from "./contract.js";
export { createAuthorizationServer } from "./create-authorization-server.js";
export type * from "./device/device-storage.js";
export { deriveScopes } from "./grants/exchange-for-api.js";
export { displayName, escapeHtml, Html, html } from "./pages/html.js";
export { type PageOptions, page, stylesheetSource } from "./pages/page.js";
export { STYLESHEET } from "./pages/stylesheet.js";
export type { PlainAnswer } from "./responses.js";
export type * from "./storage.js";
export { mergeDetails } from "./storage.js";
