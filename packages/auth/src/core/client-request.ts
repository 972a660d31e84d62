import { isJsonObject, type JsonValue, type McpCall } from "./mcp-call.js";

/** What servers ask of clients, by the part of the method before the slash. */
export const CLIENT_REQUESTS: readonly string[] = ["sampling", "elicitation", "roots", "tasks"];

/** Who asks what: a request of a legacy server, an input request of 2026-07-28, or an elicitation in an error (2025-11-25, -32042). */
export interface ClientRequest {
  readonly method: string;
  readonly params?: JsonValue | undefined;
}

/**
 * What a server asks of a client, as a call that rules judge: `requests/sampling` and so on, with the params for arguments. `undefined` for `ping`,
 * which asks nothing. A method that is none of MCP's is judged by its first part, so that `requests/*` names it too.
 */
export function clientRequestCall(
  { method, params }: ClientRequest,
  place: Pick<McpCall, "server" | "revision">,
): McpCall | undefined {
  if (method === "ping") return undefined;
  const name = method.replace(/\/.*$/s, "") || "other";
  return { ...place, method, kind: "request", name, arguments: isJsonObject(params) ? params : undefined };
}
