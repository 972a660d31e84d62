import type { McpCall, Revision } from "./mcp-call.js";
import type { McpNotification, McpRequest } from "./mcp-message.js";

export interface CallContext {
  readonly server: string;
  readonly revision: Revision;
  /** The call that created a task, if that task is the same principal's; else `undefined`. */
  creatingCall?(taskId: string): McpCall | undefined;
}

/**
 * What a message touches, by the method table. Every message touches at least one thing.
 * @throws McpError -32601 with 404 (400-class for notifications) for a method that the revision's table lacks; -32602 with 400 for a
 * missing or malformed name, URI or task id; a task that is not the caller's is reported as missing.
 */
export function callsOf(message: McpRequest | McpNotification, context: CallContext): readonly McpCall[] {
  throw new TypeError(message.method + context.server);
}
