/** Protocol revisions this package speaks; anything else is refused. */
export const REVISIONS = ["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"] as const;
export type Revision = (typeof REVISIONS)[number];

/** The one revision without sessions, `initialize` and GET streams (R-50, SEP-2243 headers). */
export const MODERN: Revision = "2026-07-28";

/** `request`: what a server asks of the client (see `client-request.ts`); everything else is what a client asks. */
export type McpKind = "tool" | "prompt" | "resource" | "task" | "protocol" | "request";

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };
export type JsonObject = { readonly [key: string]: JsonValue };

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Arguments that are not known yet: a list is being filtered, nobody has called. */
export const UNKNOWN_ARGUMENTS: unique symbol = Symbol("unknown arguments");

/**
 * What is asked, one per thing touched: a `subscriptions/listen` on three URIs is three calls, a completion is a call on its `ref`,
 * a task request is the call that created the task. `kind: "protocol"` (initialize, ping, lists, logging) has no name.
 */
export interface McpCall {
  /** Name of the server in the configuration; `""` where there is only one. */
  readonly server: string;
  readonly revision: Revision;
  readonly method: string;
  readonly kind: McpKind;
  /** Tool or prompt name, the normalised resource URI, or what kind of thing a server asks; `undefined` for protocol calls. */
  readonly name: string | undefined;
  readonly arguments: JsonObject | undefined | typeof UNKNOWN_ARGUMENTS;
}
