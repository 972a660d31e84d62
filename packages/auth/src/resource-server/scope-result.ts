import { formatChallenge, parseChallenges } from "../core/challenge.js";
import { type McpCall, MODERN } from "../core/mcp-call.js";
import type { McpBody } from "../core/mcp-message.js";
import type { Refusal } from "./contract.js";
import { JSON_HEADERS } from "./refusal.js";

/**
 * A scope refusal in the form of hosts that run tools for a model and read no status: 200 with a tool result that has `isError: true` and
 * the challenges in `_meta["mcp/www_authenticate"]`, an array of header values (RFC 9110 §11.6.1). For one `tools/call` by itself;
 * whatever else was refused, and every batch, keeps its answer. `refusal` is what {@link ResourceServer.authorize} gave for this body.
 */
export function scopeRefusalAsResult(
  refusal: Refusal,
  { body, calls }: { readonly body: McpBody; readonly calls: readonly McpCall[] },
): Refusal {
  const [message] = body.messages;
  const [call] = calls;
  const challenges = refusal.headers["www-authenticate"];
  const isOneCall = !body.batch && calls.length === 1 && call?.method === "tools/call" && message?.type === "request";
  if (!isOneCall || refusal.status !== 403 || challenges === undefined) return refusal;
  const { error } = JSON.parse(refusal.body) as { error: { message: string; data: Record<string, unknown> } };
  const { reason, decisionId } = error.data;
  const result = {
    ...(call.revision === MODERN ? { resultType: "complete" } : {}),
    content: [{ type: "text", text: error.message }],
    isError: true,
    _meta: {
      "mcp/www_authenticate": parseChallenges(challenges).map(formatChallenge),
      "sallyport/denial": { reason, decisionId },
    },
  };
  const text = JSON.stringify({ jsonrpc: "2.0", id: message.id, result });
  return { ...refusal, status: 200, headers: JSON_HEADERS, body: text };
}
