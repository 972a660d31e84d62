// The public face of the authorization server. Adding a line here makes it public.
export type {
  AuthorizationServer,
  AuthorizationServerOptions,
  FetchDocument,
  ResourceDescription,
  SignedInUser,
} from "./contract.js";
export type * from "./storage.js";
