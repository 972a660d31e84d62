import type { Decision } from "../core/decision.js";
import type { McpCall } from "../core/mcp-call.js";
import type { HeaderLookup } from "../core/mcp-headers.js";
import type { McpBody } from "../core/mcp-message.js";
import type { Policy } from "../core/policy.js";
import type { Principal } from "../core/principal.js";
import type { TokenDialect } from "../oauth/access-token.js";
import type { Awaitable } from "../oauth/awaitable.js";
import type { DpopNonces, ReplayRecorder } from "../oauth/dpop.js";
import type { Introspection } from "../oauth/introspection.js";
import type { KeySet, VerifySignature } from "../oauth/key-set.js";
import type { Sha256 } from "../oauth/thumbprint.js";
import type { System } from "../system.js";
import type { OriginPolicy } from "./origin.js";

/** The part of an HTTP request that authentication reads. The same for `node:http` and for `Request`, so that neither is converted. */
export interface RequestHead {
  readonly method: string;
  /** The request's URL as the public knows it (DPoP `htu`, RFC 9449 §4.3), without trusting any request header. */
  readonly url: string;
  /** Query string with its `?`, or `""`. Only looked at to refuse tokens in it. */
  readonly query: string;
  readonly header: HeaderLookup;
  /** The fields of an `application/x-www-form-urlencoded` body; read only where {@link ResourceServerOptions.formTokens} is on. */
  readonly form?: URLSearchParams;
}

/**
 * Is the session behind a token alive, and how does it stand with its user? At once where the answer is in memory,
 * which it has to be for nearly every call; a promise where a record must be read first.
 * `live` carries what the record says now; `revoked` → 401; `unknown` (not heard from the store for longer than the bound) → 503.
 */
export type Liveness =
  | {
      readonly status: "live";
      readonly roles: readonly string[];
      readonly entitled: readonly string[];
      readonly granted: readonly string[] | undefined;
      readonly entitledBy?: EntitledBy;
    }
  | { readonly status: "revoked" }
  | { readonly status: "unknown"; readonly retryAfter: number };

/** What an entitlement was made of, for those who record it and ask later how it would be under other rules. Nothing is decided by it. */
export interface EntitledBy {
  /** What the principal is called where somebody is entitled by name. */
  readonly names: readonly string[];
  /** Scopes that an operator added for this principal alone. */
  readonly allowed: readonly string[];
}

export interface TrustedIssuer {
  readonly issuer: string;
  /** Its tokens are JWTs, verified here. Exactly one of `keys` and `introspection`. */
  readonly keys?: KeySet;
  /** It is asked about every token. At most one issuer of a resource: an opaque token is shown to nobody but this one. */
  readonly introspection?: Introspection;
  /** Exact values, one of which `aud` must hold; default: the resource. */
  readonly audience?: readonly string[];
  /** Only tokens of these clients; absent: of any. */
  readonly clients?: readonly string[];
  /** For a foreign server that does not follow RFC 9068; default: it does. */
  readonly dialect?: TokenDialect;
}

export interface ResourceServerOptions {
  /** The exact URL that users type; published, challenged and required as audience byte for byte. */
  readonly resource: string;
  /** At least one. Listed in this order as `authorization_servers`. */
  readonly issuers: readonly TrustedIssuer[];
  readonly policy: Policy;
  /** Server name for `McpCall.server`; default `""`. */
  readonly server?: string;
  /** What every first challenge names, and the whole of PRM `scopes_supported`. A function where it may change while the server runs. */
  readonly baseline: readonly string[] | (() => readonly string[]);
  /**
   * How a tool call is answered that a rule denies: `status` = 403 with a JSON-RPC error; `result` = 200 with a tool result that has
   * `isError: true`, so that a model can read the sentence. Batches and other methods get the status. Default `status`.
   */
  readonly denials?: "status" | "result";
  /** Required: who may be granted what, and is the session alive. `noLocalRecords` is the explicit way to say that nothing here knows. */
  readonly isLive: (principal: Principal, now: number) => Awaitable<Liveness>;
  /** Extra members of the protected resource metadata (RFC 9728 §2): `resource_name`, `resource_documentation`, … */
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Origins besides the resource's own that a browser may call from; default none. */
  readonly allowedOrigins?: readonly string[];
  /** `Host` values besides the resource's own, for example behind a proxy that sends its own; default none. */
  readonly allowedHosts?: readonly string[];
  readonly verifySignature?: VerifySignature;
  /** For `ath` of DPoP proofs (RFC 9449 §4.2); default: WebCrypto, a promise. `./node` has one that answers at once. */
  readonly sha256?: Sha256;
  /** Verified tokens kept in memory, as they are; default 10,000, at least 1. One is forgotten at its `exp`, and re-verified after 10 min. */
  readonly cachedTokens?: number;
  /** Seconds of difference between the clocks that are tolerated; default 5, 0 to 60. */
  readonly clockSkew?: number;
  /** Take the token from a posted form too (RFC 6750 §2.2), for servers of forms; never for MCP. Default false. */
  readonly formTokens?: boolean;
  /**
   * Keep the caller's token at hand for `exchangeToken` of `@sallyport/auth/client`, beside the `who` of a handler and never in it. Without
   * it no token outlives its check. Default false.
   */
  readonly tokenExchange?: boolean;
  /** Accept tokens bound to a key (RFC 9449). Without it a token with `cnf` is refused. */
  readonly dpop?: { readonly replay: ReplayRecorder; readonly nonces?: DpopNonces };
  /**
   * Count the details of type `mcp_call` in tokens of issuers without dialect (RFC 9396): calls that were agreed to beside the scopes. `replay` is
   * where a call that may be made once is used up, shared by every process that serves the resource; a `once` is remembered there until its
   * `exp`. Default: details in tokens count for nothing. With it {@link ResourceServer.authorize} may answer with a promise.
   */
  readonly details?: { readonly replay: ReplayRecorder };
  readonly system?: System;
}

/** The answer that a refusal becomes on the wire. `body` is JSON text, `headers` in lower case. */
export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** For the log. */
  readonly reason: string;
  readonly decisionId?: string;
}

/** One call with its answer, in the order of the messages. */
export interface Judged {
  readonly call: McpCall;
  readonly decision: Decision;
}

export interface Judgement {
  readonly judged: readonly Judged[];
  readonly refusal: Refusal | undefined;
}

export interface Authenticated {
  readonly principal: Principal;
  readonly entitled: readonly string[];
  readonly entitledBy?: EntitledBy;
}

export interface ResourceServer {
  readonly resource: string;
  readonly metadataUrl: string;
  readonly server: string;
  readonly policy: Policy;
  /** Which browsers may call, and under which names we answer. */
  readonly origins: OriginPolicy;
  /** RFC 9728 document. */
  metadata(): Readonly<Record<string, unknown>>;
  /** Token → principal. Synchronous when the token is in the verified-token cache. @throws OAuthError */
  authenticate(head: RequestHead): Authenticated | Promise<Authenticated>;
  /** Every token is verified again when it comes next: for when a key of a trusted issuer was taken out of service. */
  forgetTokens(): void;
  /**
   * Every message of the body against the policy; the first refusal in the order of the design refuses everything. A promise only where
   * a call has to be used up first ({@link ResourceServerOptions.details}): nothing may go on before it is kept, nor when it is not. It rejects with
   * OAuthError `store_unavailable` when nobody can tell.
   */
  authorize(
    who: Authenticated,
    body: McpBody,
    calls: readonly McpCall[],
    request: { readonly method: "POST" | "GET" | "DELETE"; readonly remoteAddress: string | undefined },
  ): Awaitable<Judgement>;
  /** Anything thrown on the way → the answer, with challenge where one is due. */
  refuse(error: unknown, context?: { readonly id?: string | number | null }): Refusal;
}
