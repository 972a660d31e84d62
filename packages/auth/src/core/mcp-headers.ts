import type { JsonObject, Revision } from "./mcp-call.js";
import type { McpBody } from "./mcp-message.js";

/** One value of a header, or `undefined`. Repeated headers come as an array; every reader refuses more than one value. */
export type HeaderLookup = (name: string) => string | readonly string[] | undefined;

export interface McpHeaderOptions {
  /** All header names present, lower case, to find `Mcp-Param-*`. */
  readonly names: Iterable<string>;
  /** `inputSchema` of a tool as far as known, to check `x-mcp-header` parameters (R-148…R-150). */
  inputSchemaOf?(tool: string): JsonObject | undefined;
}

/**
 * The revision of a request, after checking that headers and body say the same (spec.md §2; …R-150): `MCP-Protocol-Version`
 * against `_meta`, `Mcp-Method` and `Mcp-Name` (base64 sentinel decoded) against the body. A legacy request without the header counts as
 * 2025-03-26. @throws McpError 400 with -32020 (mismatch or missing), -32022 (unknown version, `data.supported`), -32600 (batch where none is legal).
 */
export function checkMcpHeaders(header: HeaderLookup, body: McpBody | undefined, options: McpHeaderOptions): Revision {
  throw new TypeError(String(header) + String(body) + String(options.names));
}
