import type { JsonObject, McpCall } from "./mcp-call.js";
import type { McpBody } from "./mcp-message.js";

/**
 * The calls of a body as they are judged. A number that a double cannot hold is one value here and another one behind: arguments of a body
 * that has one cannot be read, so that a condition that reads them fails, and denies (design: forward what was judged).
 */
export function judgedCalls(body: Pick<McpBody, "inexactNumbers">, calls: readonly McpCall[]): readonly McpCall[] {
  if (!body.inexactNumbers) return calls;
  return calls.map((call) => (typeof call.arguments === "object" ? { ...call, arguments: UNREADABLE } : call));
}

function unreadable(): never {
  throw new RangeError("The arguments hold a number that cannot be read exactly.");
}

const UNREADABLE: JsonObject = new Proxy(
  {},
  { get: unreadable, has: unreadable, ownKeys: unreadable, getOwnPropertyDescriptor: unreadable },
);
