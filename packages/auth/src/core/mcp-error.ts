/** A broken or refused MCP message: the HTTP status and the JSON-RPC error that answer it. */
export class McpError extends Error {
  override readonly name = "McpError";
  constructor(
    readonly status: number,
    /** JSON-RPC or MCP error code, for example -32700, -32600, -32601, -32602, -32020, -32022. */
    readonly code: number,
    /** Public message; attacker-supplied values are JSON-encoded and cut. */
    message: string,
    readonly options: { readonly id?: string | number | null; readonly data?: unknown; readonly reason?: string } = {},
  ) {
    super(message);
  }
}
