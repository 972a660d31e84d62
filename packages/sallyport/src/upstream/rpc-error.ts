import type { Answer } from "./answer.js";

export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** A JSON-RPC error answer on one line; `id` is JSON text. */
export function errorBody(id: string, error: RpcError): Buffer {
  return Buffer.from(`{"jsonrpc":"2.0","id":${id},"error":${JSON.stringify(error)}}`);
}

/** Answers that the transport itself gives, without the child: HTTP status and JSON-RPC error (spec.md §2; codes as in the official SDKs). */
const TRANSPORT_ERRORS = {
  sessionMissing: [400, { code: -32000, message: "Bad Request: Mcp-Session-Id header is required" }],
  sessionUnknown: [404, { code: -32001, message: "Session not found" }],
  initializeAlone: [400, { code: -32600, message: "initialize stands alone in a POST and outside of a session" }],
  notAcceptable: [406, { code: -32000, message: "Not Acceptable: the client must accept text/event-stream" }],
  noSuchEvent: [400, { code: -32000, message: "Last-Event-ID names no event of this session" }],
  notAwaited: [400, { code: -32600, message: "The response answers no open request of this session" }],
  empty: [400, { code: -32600, message: "The body holds no JSON-RPC message" }],
  methodNotAllowed: [405, { code: -32000, message: "Method not allowed" }],
  // Not a modern error: clients of 2026-07-28 fall back to `initialize` on it.
  legacyOnly: [400, { code: -32000, message: "Bad Request: this server starts with initialize" }],
  modernOnly: [400, { code: -32022, message: "Unsupported protocol version", data: { supported: ["2026-07-28"] } }],
} as const satisfies Record<string, readonly [number, RpcError]>;

export type TransportError = keyof typeof TRANSPORT_ERRORS;

/** Answers in place of the child; `id` is the request's, as JSON text. */
export function refuse(answer: Answer, reason: TransportError, id = "null"): void {
  const [status, error] = TRANSPORT_ERRORS[reason];
  answer.json(status, errorBody(id, error));
}
