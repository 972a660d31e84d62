import type { ClientMetadata } from "../core/client-metadata.js";
import type { FetchDocument } from "../oauth/client-metadata-document.js";
import type { Cryptography } from "../oauth/cryptography.js";
import type { DpopNonces } from "../oauth/dpop.js";
import type { SigningKeys } from "../oauth/key-set.js";
import type { PlainRequest } from "../oauth/parameters.js";
import type { System } from "../system.js";
import type { TrustedAssertionIssuer } from "./assertion-issuer.js";
import type { PlainAnswer } from "./responses.js";
import type { AuthorizationServerStorage, PendingAuthorization } from "./storage.js";

export type { FetchDocument } from "../oauth/client-metadata-document.js";

/** What the consent page says about a resource. Texts are plain; the page escapes them. */
export interface ResourceDescription {
  readonly resource: string;
  readonly name: string;
  /** Every scope that exists there, in the order of the page. */
  readonly scopes: readonly {
    readonly scope: string;
    readonly title: string;
    readonly description?: string;
    readonly includes: readonly string[];
    /** Names of the tools (and "resources", "prompts") behind it. */
    readonly tools: readonly string[];
    /**
     * Only while nobody knows which tools the server has: patterns of the names that the scope allows, `*` for any run of characters; `[]`
     * where it goes by something else. The page then says so, and does not say that there are none.
     */
    readonly expected?: readonly string[];
  }[];
  readonly baseline: readonly string[];
}

/** A signed-in person, as the sign-in pages vouch for it. */
export interface SignedInUser {
  readonly sub: string;
  /** What the consent page greets with. */
  readonly name: string;
  readonly auth_time: number;
  /** 256-bit value bound to the browser session, from which the page's CSRF token is derived. */
  readonly csrfSecret: string;
}

/** What a client may turn a token into; never into more than the token is. */
export interface ExchangePermission {
  /** Resources and APIs besides the token's own. */
  readonly resources: readonly string[];
  /**
   * Resources that this client serves. Tokens that were shown to it there may be exchanged by it whoever they were issued to, as the party
   * that acts now, after the client that they were issued to (RFC 8693 §1.1). Default none.
   */
  readonly serves?: readonly string[];
}

/** An API behind the resources: nobody signs in for it, and its tokens come by exchange alone. */
export interface DownstreamApi {
  /** The audience of its tokens. */
  readonly resource: string;
  /** Its scopes; each is had by whoever holds one of `from` at the resource that the token is exchanged at. */
  readonly scopes: Readonly<Record<string, { readonly from: readonly string[] }>>;
  /**
   * The audience of another API that stands in front of this one: then `from` names scopes of that API, tokens come from tokens for it, exchanged
   * by a client that `serves` it, and nothing else leads here.
   */
  readonly behind?: string;
}

export type DocumentAdmission =
  | "off"
  | "open"
  | { readonly hosts: readonly string[] }
  | { readonly report: readonly string[] };

/** A client ID metadata document that was fetched just now. */
export interface SeenClientDocument {
  readonly client_id: string;
  /** Host of the client_id, without a port. */
  readonly host: string;
  /** What it calls itself; proves nothing. */
  readonly client_name: string | undefined;
  /** The list of `report` would have refused it. */
  readonly unlisted: boolean;
}

export interface AuthorizationServerOptions {
  /** Byte-identical everywhere; no query, fragment or (unless a path is meant) trailing slash. */
  readonly issuer: string;
  readonly storage: AuthorizationServerStorage;
  readonly keys: SigningKeys;
  /** All resources served, in order. */
  resources(): readonly string[];
  describeResource(resource: string): Promise<ResourceDescription | undefined>;
  /** The entitlement: what this person may be granted through this client there, `[]` = nothing. */
  mayBeGranted(sub: string, client_id: string, resource: string): Promise<readonly string[]>;
  /** Who is in the browser? A `Response` (a redirect to the sign-in pages, which come back to `returnTo`) when nobody is. */
  currentUser(
    request: Request,
    flow: { readonly returnTo: string; readonly client: ClientMetadata; readonly pending: PendingAuthorization },
  ): Promise<SignedInUser | Response>;
  /** Where "not you?" on the consent page leads: a page that signs out and comes back to `returnTo`. Absent: the page offers none. */
  signOutUrl?(returnTo: string): string;
  /** Called in the approving (or denying) POST, before the redirect: `Set-Cookie` values that end a loopback browser session. */
  afterConsent?(request: Request): Promise<readonly string[]>;
  /** Which call was refused last, names only, so that step-up consent can say what wants it. */
  lastRefusal?(
    sub: string,
    client_id: string,
    resource: string,
    now: number,
  ): Promise<{ readonly tool: string; readonly scopes: readonly string[] } | undefined>;
  /**
   * `true` once after a call of this session was refused for its scope, where its client may be one that answers that by refreshing
   * (the TypeScript SDK 1.x does). Such a refresh widens nothing; it is refused (`step_up_needed`), which ends nothing and makes the
   * client send the person to consent. Absent: no refresh is refused for this.
   */
  takeRefusal?(session_id: string, now: number): Promise<boolean>;
  readonly fetchDocument: FetchDocument;
  readonly registration: {
    /** RFC 7591 endpoint; when off it is neither served nor advertised. */
    readonly dynamic: boolean;
    /** Client ID metadata documents: `off`, `open`, only from `hosts`, or from anywhere with a report of those that are not from these hosts. */
    readonly documents: DocumentAdmission;
    /** Registrations per address and hour; default 20. */
    readonly perHour?: number;
    readonly knownSchemes?: readonly string[];
  };
  /**
   * Told of each client ID metadata document that was fetched and can be used, cached ones not again: for an account of what asks here.
   * What it rejects with is logged and changes nothing for the client.
   */
  documentSeen?(document: SeenClientDocument): Promise<void>;
  readonly lifetimes?: {
    /** Seconds. Defaults: access token 600, code 60, pending 600, session idle 30 d, session absolute 180 d, refresh grace 30, unused registration 24 h, single call 24 h, device code 600. */
    readonly accessToken?: number;
    readonly code?: number;
    readonly pending?: number;
    readonly sessionIdle?: number;
    readonly session?: number;
    readonly refreshGrace?: number;
    readonly unusedRegistration?: number;
    /** How long a call that may be made once may be made, from consent on; default 86,400. */
    readonly singleCall?: number;
    /** How long a device may wait for a person, and its codes are good; default 600. */
    readonly deviceCode?: number;
  };
  /**
   * RFC 7662: the resources whose tokens a confidential client may ask about, `[]` = none. Absent: there is no introspection endpoint.
   */
  introspectedBy?(client_id: string): readonly string[];
  /**
   * RFC 6749 §4.4: clients of the configuration that can prove who they are get tokens for themselves, with the client_id as `sub`, up to
   * what `mayBeGranted(client_id, client_id, resource)` says. Default false.
   */
  readonly clientCredentials?: boolean;
  /** RFC 7523: whose client assertions may be made for the token endpoint's URL, besides those for the issuer. Default: nobody's. */
  acceptTokenEndpointAudience?(client_id: string): boolean;
  /** RFC 8693: what a client of the configuration may exchange access tokens of ours for; `undefined`: nothing. Absent: no such grant. */
  mayExchange?(client_id: string): ExchangePermission | undefined;
  /** APIs that tokens can be exchanged for, and nothing else. Default none. */
  readonly apis?: readonly DownstreamApi[];
  /** RFC 8693 §4.4: the client that may act for the users of this one, with tokens that were issued to this one. Default: none. */
  actorFor?(client_id: string): string | undefined;
  /** RFC 7523 §2.1: whose assertions are exchanged for tokens: of company IdPs (ID-JAG) and of platforms for their workloads. */
  readonly trustedIssuers?: readonly TrustedAssertionIssuer[];
  /**
   * RFC 8628: devices without a browser, for clients of the configuration whose `grant_types` have it. A person types the code of the device at
   * `/device` and always sees the consent page. Default false: there is neither endpoint nor page.
   */
  readonly deviceGrant?: boolean;
  /**
   * RFC 9396: take `authorization_details` of type `mcp_call`, single calls that a person agrees to beside or instead of scopes. Only tools that
   * `describeResource` names can be granted. The resource servers have to count them too. Default false: the parameter is not read.
   */
  readonly authorizationDetails?: boolean;
  /** RFC 9449 §8: with nonces every proof at the token endpoint has to hold a current one. Default: none are asked for. */
  readonly dpop?: { readonly nonces?: DpopNonces };
  /** Accepts an `http` issuer beyond loopback (R-66 forbids it): codes and tokens then travel in the clear. Default false. */
  readonly dangerouslyAllowHttpIssuer?: boolean;
  /**
   * How many wrong secrets, codes, refresh tokens and assertions one address may send in a minute before it has to wait; default 40. What is
   * right counts for nothing, and nobody else waits: the limit is the address's, never the client's. Without `remoteAddress` there is none.
   */
  readonly guessesPerMinute?: number;
  /** Address of the peer, for quotas; never read from a header here. */
  remoteAddress?(request: PlainRequest): string | undefined;
  /** Digests, signatures and seals. Default: WebCrypto, on every runtime; `@sallyport/auth/node` has `nodeCryptography`, which is faster. */
  readonly cryptography?: Cryptography;
  readonly system?: System;
}

export interface AuthorizationServer {
  readonly issuer: string;
  /** Answers requests to its own routes (below the issuer's path, and the well-known documents); `undefined` for any other path. */
  handle(request: Request): Promise<Response | undefined>;
  /**
   * The same for the endpoints that programs call (token, revocation, introspection, registration, documents), without a `Request` and a
   * `Response`, which cost more than a token does: a listener that writes the answer itself uses it first. `undefined`: ask {@link handle}.
   */
  answer(request: PlainRequest): Promise<PlainAnswer> | undefined;
}
