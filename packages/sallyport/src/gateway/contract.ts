import type { JsonObject, Principal, ResourceServer, System } from "@sallyport/auth";
import type { PlainAnswer, PlainRequest } from "@sallyport/auth/authorization-server";
import type { DecisionRecorder } from "../decision-log/contract.js";
import type { CredentialSource } from "../upstream/credentials/contract.js";
import type { Upstream } from "../upstream/upstream.js";
import type { RequestObserver } from "./watch.js";

/**
 * Port: session and event ids that leave the gateway are sealed over (server, iss, sub, client_id), so that another principal's id opens
 * to nothing. `sealId` gives visible ASCII; `openId` answers `undefined` for whatever was not sealed for this scope and owner.
 */
export interface IdSealer {
  sealId(scope: IdScope, id: string, owner: IdOwner): string;
  openId(scope: IdScope, sealed: string, owner: IdOwner): string | undefined;
}

/** An event id is never a session id, and ids of two servers are apart. */
export interface IdScope {
  readonly kind: "session" | "event";
  readonly server: string;
}

export type IdOwner = Pick<Principal, "iss" | "sub" | "client_id">;

/** One protected server, served at the path of `resourceServer.resource`. */
export interface GatewayServer {
  readonly resourceServer: ResourceServer;
  readonly upstream: Upstream;
  readonly identifiers: IdSealer;
  /** What lists show: everything reachable (granted now or by stepping up), or only what is granted. Default `reachable`. */
  readonly list?: "reachable" | "granted";
  /** Request headers that go on besides the allow-list, lower case. Never Authorization, Cookie or a hop-by-hop header. */
  readonly forwardHeaders?: readonly string[];
  /** Called with every `tools/list` answer before it is filtered, so that new tools are frozen at first sight. */
  readonly observeTools?: (tools: readonly JsonObject[]) => void;
  /** Takes every decision before anything goes on; what it cannot keep is answered with 503. Absent: nothing is recorded. */
  readonly decisions?: DecisionRecorder;
  /** What requests to the upstream carry as the gateway's own; absent: nothing, or what the upstream adds to every request by itself. */
  readonly credentials?: CredentialSource;
  /** Hears how requests go; absent: nothing is measured. */
  readonly observer?: RequestObserver;
  /** Whether the client of this caller reads a scope refusal as a tool result only. Asked when a tool call is refused so; absent: no. */
  readonly readsScopeResult?: (principal: Principal) => Promise<boolean>;
  /** `inputSchema` of a tool as far as known, to check `Mcp-Param-*` (R-148…R-150). */
  readonly inputSchemaOf?: (tool: string) => JsonObject | undefined;
}

/** Port: a scope refusal, names only, for the step-up that follows. */
export interface RefusalObserver {
  /** Resolves when every process knows; the refusal goes out after that. Never rejects. `legacy`: of a revision before 2026-07-28. */
  observe(
    principal: Principal,
    refused: {
      readonly resource: string;
      readonly tool: string;
      readonly scopes: readonly string[];
      readonly legacy: boolean;
      readonly at: number;
    },
  ): Promise<void>;
}

/** How a running exchange stands: `stale` = the store has not been heard for longer than the bound. */
export type Standing = "live" | "revoked" | "stale";

/** What streams need of `Liveness`. */
export interface StandingView {
  standing(principal: Principal, resource: string): Standing;
  /** Called after every look at the feed. Returns the way to stop listening. */
  onLook(listener: () => void): () => void;
}

export interface GatewayOptions {
  /** What users type, without the servers' paths: scheme and host of everything published. */
  readonly publicUrl: string;
  readonly servers: readonly GatewayServer[];
  /** Everything that is not an MCP endpoint or its metadata: authorization server, sign-in, account. */
  readonly web: (
    request: Request,
    peer: { readonly remoteAddress: string | undefined },
  ) => Response | Promise<Response>;
  /** What of it answers programs in plain text, asked first; `undefined`: {@link web} does. */
  readonly plain?: (
    request: PlainRequest,
    peer: { readonly remoteAddress: string | undefined },
  ) => Promise<PlainAnswer> | undefined;
  readonly listen: { readonly port: number; readonly hosts: readonly string[] };
  readonly system: System;
  readonly limits?: Partial<Limits>;
  /** Addresses or CIDR ranges whose `X-Forwarded-For` is believed; default none. */
  readonly trustedProxies?: readonly string[];
  /** `Host` values accepted besides the public URL's (and its loopback names, when it is on loopback): `host` or `host:port`. */
  readonly allowedHosts?: readonly string[];
  readonly tls?: { readonly cert: string | Uint8Array; readonly key: string | Uint8Array };
  readonly standing?: StandingView;
  readonly refusals?: RefusalObserver;
  /** Whether calls can be served now, for `/readyz`; default: yes while it runs. It is asked without credentials, and must be cheap. */
  readonly ready?: () => boolean;
}

/** Local bounds. Sizes in bytes, times in milliseconds. */
export interface Limits {
  /** Request line and headers together. */
  readonly headerBytes: number;
  /** Body of one MCP request; at most 4 MiB (design: the strict scan). */
  readonly bodyBytes: number;
  /** Body of any other request (forms, registrations). */
  readonly webBodyBytes: number;
  /** An answer that must be read before it may go on: a list, or one event that may hold a list. */
  readonly listBytes: number;
  readonly headersTimeoutMs: number;
  /** The whole request, body included. */
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  /** A client that takes nothing for so long while an answer waits for it is gone. */
  readonly stalledClientMs: number;
  /** Per listening address. */
  readonly connections: number;
  /** How long `close` waits for answers under way. */
  readonly drainMs: number;
}

export interface Gateway {
  /** Binds every address or none. @throws Error `EADDRINUSE` when a port is taken. */
  listen(): Promise<{ readonly port: number; readonly urls: readonly string[] }>;
  /** Takes no more connections, ends standing streams, lets answers under way finish for `drainMs`, then cuts. Idempotent. */
  close(): Promise<void>;
  /** Exchanges under way, streams included. */
  readonly openExchanges: number;
}
