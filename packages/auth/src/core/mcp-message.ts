import type { JsonObject } from "./mcp-call.js";

export interface McpRequest {
  readonly type: "request";
  readonly id: string | number;
  readonly method: string;
  readonly params: JsonObject | undefined;
}

export interface McpNotification {
  readonly type: "notification";
  readonly method: string;
  readonly params: JsonObject | undefined;
}

/** A client's answer to a server's request; legacy revisions only. */
export interface McpResponse {
  readonly type: "response";
  readonly id: string | number;
}

export type McpMessage = McpRequest | McpNotification | McpResponse;

export interface McpBody {
  /** The body was an array: legal in 2025-03-26 only. */
  readonly batch: boolean;
  readonly messages: readonly McpMessage[];
  /** Some number in the body is not held exactly by a double: conditions that read arguments are an error then. */
  readonly inexactNumbers: boolean;
}

/** Default and highest body size in bytes, and nesting depth. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;
export const MAX_DEPTH = 64;

/**
 * The one strict reading of a request body: fatal UTF-8, no BOM, depth ≤ 64, no duplicate key at any depth (escapes decoded), no two keys
 * equal under case folding in the envelope, `params`, `params._meta` and `params.ref`, no key there that equals a wire member only under
 * case folding. What it returns is what `JSON.parse` sees in the same bytes; the bytes themselves are what goes on.
 * @throws McpError -32700 (not JSON) or -32600 (JSON, but not one strict JSON-RPC body), status 400, with the id if one could be read.
 */
export function parseMcpBody(bytes: Uint8Array): McpBody {
  throw new TypeError(String(bytes.length));
}
