import type { McpBody, McpCall, Principal, Revision } from "@sallyport/auth";

/** One judged HTTP exchange on its way to the system behind. The caller's token is not in here. */
export interface UpstreamRequest {
  readonly method: "POST" | "GET" | "DELETE";
  /** Allow-listed headers only, lower case. `mcp-session-id` and `last-event-id` are the upstream's own values (unsealed). */
  readonly headers: Readonly<Record<string, string>>;
  /** The very bytes that were judged. */
  readonly body: Uint8Array | undefined;
  readonly parsed: McpBody | undefined;
  readonly calls: readonly McpCall[];
  readonly revision: Revision;
  readonly principal: Principal;
  readonly sessionId: string | undefined;
  readonly lastEventId: string | undefined;
}

/**
 * Where the answer goes, in undici's dispatch order: `onHead` once, `onData` any number of times, then `onEnd` or `onError` once.
 * `onData` answering `false` asks for a pause until {@link Exchange.resume}.
 */
export interface UpstreamHandler {
  /** Header names in lower case; hop-by-hop headers are gone. */
  onHead(status: number, headers: Readonly<Record<string, string | readonly string[]>>): void;
  onData(chunk: Uint8Array): boolean;
  onEnd(): void;
  /** Before or after `onHead`. Nothing follows. */
  onError(error: UpstreamError): void;
}

export interface Exchange {
  resume(): void;
  /** The client is gone, or the grant ended: frees the slot, the child's request and every timer. Idempotent. */
  abort(reason: string): void;
}

/** `kind` decides the status: `unreachable` 502, `timeout` 504, `overloaded` 503 with Retry-After, `protocol` 502, `exited` 502. */
export class UpstreamError extends Error {
  override readonly name = "UpstreamError";
  constructor(
    readonly kind: "unreachable" | "timeout" | "overloaded" | "protocol" | "exited",
    message: string,
    readonly options: {
      readonly retryAfter?: number;
      readonly cause?: unknown;
      /** It answered 401 or 403 to a request without a caller. */
      readonly wantsCredentials?: true;
      /** What the command wrote last to standard error before it ended, as it came: for its operator, never for a caller. */
      readonly lastLines?: readonly string[];
    } = {},
  ) {
    super(message, { cause: options.cause });
  }
}

/** What a server offers, read once at start without any caller's identity, for the tool catalogue. */
export interface UpstreamDescription {
  readonly era: "legacy" | "modern" | "both";
  readonly serverInfo: { readonly name: string; readonly version: string } | undefined;
  readonly tools: readonly Readonly<Record<string, unknown>>[];
}

/** A server behind the gateway: HTTP or a family of stdio children. */
export interface Upstream {
  /** The handler hears nothing before `send` has returned, and nothing after {@link Exchange.abort}. */
  send(request: UpstreamRequest, handler: UpstreamHandler): Exchange;
  /** @throws UpstreamError when the server cannot be asked (an HTTP server that wants credentials, a command that exits). */
  describe(): Promise<UpstreamDescription>;
  close(): Promise<void>;
  /** Processes that run now; absent for a server that is not run here. */
  readonly children?: number;
}
