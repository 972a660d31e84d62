import { reachability } from "../core/evaluate.js";
import {
  type JsonObject,
  type JsonValue,
  type McpCall,
  MODERN,
  type Revision,
  UNKNOWN_ARGUMENTS,
} from "../core/mcp-call.js";
import type { Policy, RequestFacts } from "../core/policy.js";
import { normaliseResourceUri } from "../core/resource-uri.js";
import type { Authenticated } from "./contract.js";

export interface ListContext {
  readonly policy: Policy;
  /** Name for `McpCall.server`. */
  readonly server: string;
  readonly who: Authenticated;
  readonly revision: Revision;
  readonly request: RequestFacts;
  /** Integer seconds. */
  readonly now: number;
  /** `reachable`: granted now or by stepping up. Callers without a person behind them get `granted` always: nobody could consent. */
  readonly list: "reachable" | "granted";
  /** The call that created a task, if it is this principal's task; without it no task is shown. */
  creatingCall?(taskId: string): McpCall | undefined;
}

interface ListRow {
  readonly member: string;
  /** What using this element would be, or `undefined` for what is never shown. */
  callOf(element: JsonObject, context: ListContext): McpCall | undefined;
}

const named =
  (kind: "tool" | "prompt", method: string) =>
  ({ name }: JsonObject, context: ListContext): McpCall | undefined =>
    typeof name === "string" ? listedCall(context, { kind, method, name }) : undefined;

const addressed =
  (member: string) =>
  (element: JsonObject, context: ListContext): McpCall | undefined => {
    const uri = element[member];
    const name = typeof uri === "string" ? normaliseResourceUri(uri) : undefined;
    return name === undefined ? undefined : listedCall(context, { kind: "resource", method: "resources/read", name });
  };

/** Every method that answers with a list, and where the list is. */
export const LISTS: Readonly<Record<string, ListRow>> = {
  "tools/list": { member: "tools", callOf: named("tool", "tools/call") },
  "prompts/list": { member: "prompts", callOf: named("prompt", "prompts/get") },
  "resources/list": { member: "resources", callOf: addressed("uri") },
  "resources/templates/list": { member: "resourceTemplates", callOf: addressed("uriTemplate") },
  "tasks/list": {
    member: "tasks",
    callOf: ({ taskId }, context) => {
      const call = typeof taskId === "string" ? context.creatingCall?.(taskId) : undefined;
      return call && { ...call, arguments: UNKNOWN_ARGUMENTS };
    },
  },
};

/**
 * The result of a list method with only what the caller can reach, in the same order. In 2026-07-28 it is also marked
 * `cacheScope: "private"` on every page. A result of another shape loses its list rather than going through unread.
 */
export function filterList(method: string, result: JsonObject, context: ListContext): JsonObject {
  const row = Object.hasOwn(LISTS, method) ? LISTS[method] : undefined;
  if (row === undefined) return result;
  const list = result[row.member];
  const shown = Array.isArray(list) ? list.filter((element) => isShown(row, element, context)) : [];
  const unchanged = Array.isArray(list) && shown.length === list.length;
  if (context.revision === MODERN) {
    return { ...result, ...(unchanged ? {} : { [row.member]: shown }), cacheScope: "private" };
  }
  return unchanged || list === undefined ? result : { ...result, [row.member]: shown };
}

/** For streams on which any earlier request may be answered: which list a result holds, told by its shape. */
export function listMethodOf(result: JsonObject): string | undefined {
  for (const method in LISTS) {
    if (Array.isArray(result[LISTS[method]?.member ?? ""])) return method;
  }
  return undefined;
}

function isShown(row: ListRow, element: JsonValue, context: ListContext): boolean {
  if (typeof element !== "object" || element === null || Array.isArray(element)) return false;
  const call = row.callOf(element as JsonObject, context);
  if (call === undefined) return false;
  const { policy, request, now, who } = context;
  const reach = reachability(policy, { principal: who.principal, entitled: who.entitled, call, request, now });
  if (reach === "step-up") return context.list === "reachable" && who.principal.kind === "user";
  return reach === "granted";
}

/** Written out, member by member: a spread here made filtering a list cost seven times as much. */
function listedCall(
  { server, revision }: ListContext,
  { kind, method, name }: { readonly kind: McpCall["kind"]; readonly method: string; readonly name: string },
): McpCall {
  return { server, revision, method, kind, name, arguments: UNKNOWN_ARGUMENTS };
}
