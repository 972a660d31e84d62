import { classifyInboundRequest } from "@modelcontextprotocol/server";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MODERN } from "./mcp-call.js";
import { McpError } from "./mcp-error.js";
import { checkMcpHeaders } from "./mcp-headers.js";
import { parseMcpBody } from "./mcp-message.js";

// The SDK's server judges the same bytes behind us: what it takes for one era must never be the other one here.
const META = "io.modelcontextprotocol/";
const version = fc.constantFrom("2025-03-26", "2025-11-25", "2026-07-28");
const absent = fc.constant(undefined);
const method = fc.constantFrom("tools/call", "tools/list", "initialize", "ping", "notifications/cancelled");
const claim = fc.oneof(absent, version, fc.constant(5));
const message = fc.record({
  method,
  claim,
  id: fc.boolean(),
  kind: fc.constantFrom("message", "message", "message", "response", "batch"),
});
type Drawn = typeof message extends fc.Arbitrary<infer Value> ? Value : never;

function write({ method, claim, id, kind }: Drawn): unknown {
  if (kind === "response") return { jsonrpc: "2.0", id: 1, result: {} };
  const meta = claim === undefined ? {} : { [`${META}protocolVersion`]: claim };
  const _meta = { ...meta, [`${META}clientInfo`]: { name: "c", version: "1" }, [`${META}clientCapabilities`]: {} };
  const one = { jsonrpc: "2.0", ...(id && { id: 1 }), method, params: { name: "echo", _meta } };
  return kind === "batch" ? [one] : one;
}

function ours(headers: Record<string, string | undefined>, body: unknown): string | McpError {
  try {
    const bytes = new TextEncoder().encode(JSON.stringify(body));
    return checkMcpHeaders((name) => headers[name], parseMcpBody(bytes), { names: Object.keys(headers) });
  } catch (error) {
    if (error instanceof McpError) return error;
    throw error;
  }
}

describe("checkMcpHeaders beside the SDK's server", () => {
  it("never takes for legacy what the SDK takes for modern, or the other way round, and refuses what it refuses, with its code", () => {
    fc.assert(
      fc.property(message, fc.oneof(absent, version), fc.oneof(absent, method), (drawn, stated, named) => {
        const body = write(drawn);
        const sdk = classifyInboundRequest({
          httpMethod: "POST",
          body,
          ...(stated !== undefined && { protocolVersionHeader: stated }),
          ...(named !== undefined && { mcpMethodHeader: named }),
        });
        const answer = ours({ "mcp-protocol-version": stated, "mcp-method": named, "mcp-name": undefined }, body);
        if (answer instanceof McpError) {
          // Of several faults the SDK may name another first; a claim that cannot be is always named as such here.
          const codes = [
            -32600,
            ...(drawn.claim === 5 ? [-32602] : drawn.claim === undefined || drawn.claim === MODERN ? [] : [-32022]),
          ];
          if (sdk.kind === "reject") expect([sdk.code, ...codes]).toContain(answer.code);
          return;
        }
        expect(sdk.kind).toBe(answer === MODERN ? "modern" : "legacy");
      }),
      { numRuns: 3000 },
    );
  });
});
