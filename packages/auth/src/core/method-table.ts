import { findConfusableArgument } from "./argument-names.js";
import {
  type JsonObject,
  type JsonValue,
  type McpCall,
  type McpKind,
  MODERN,
  REVISIONS,
  type Revision,
} from "./mcp-call.js";
import { McpError } from "./mcp-error.js";
import type { McpNotification, McpRequest } from "./mcp-message.js";
import { quote } from "./quote.js";
import { normaliseResourceUri } from "./resource-uri.js";

export interface CallContext {
  readonly server: string;
  readonly revision: Revision;
  /** The call that created a task, if that task is the same principal's; else `undefined`. */
  creatingCall?(taskId: string): McpCall | undefined;
  /** `inputSchema` of a tool as far as known: arguments whose names differ from its properties only in case are refused. */
  inputSchemaOf?(tool: string): JsonObject | undefined;
}

/** What a method touches, and where its name sits. */
type Touches = "protocol" | "tool" | "prompt" | "resource" | "reference" | "subscriptions" | "task";

interface MethodRow {
  readonly type: "request" | "notification";
  readonly touches: Touches;
  readonly revisions: readonly Revision[];
  /** the member of `params` that the `Mcp-Name` header mirrors in 2026-07-28; SEP-2243, SEP-2663. */
  readonly mirrored?: "name" | "uri" | "taskId";
}

const ALL = REVISIONS;
const LEGACY = REVISIONS.filter((revision) => revision !== MODERN);
const TASKS: readonly Revision[] = ["2025-11-25", MODERN];
const request = (touches: Touches, revisions: readonly Revision[], mirrored?: MethodRow["mirrored"]): MethodRow => ({
  type: "request",
  touches,
  revisions,
  ...(mirrored && { mirrored }),
});
const notification = (revisions: readonly Revision[]): MethodRow => ({
  type: "notification",
  touches: "protocol",
  revisions,
});

/** Every method that a client may send, of every revision. What is not here is refused. */
export const METHODS: ReadonlyMap<string, MethodRow> = new Map([
  ["initialize", request("protocol", LEGACY)],
  ["ping", request("protocol", LEGACY)],
  ["server/discover", request("protocol", [MODERN])],
  ["logging/setLevel", request("protocol", LEGACY)],
  ["tools/list", request("protocol", ALL)],
  ["tools/call", request("tool", ALL, "name")],
  ["prompts/list", request("protocol", ALL)],
  ["prompts/get", request("prompt", ALL, "name")],
  ["resources/list", request("protocol", ALL)],
  ["resources/templates/list", request("protocol", ALL)],
  ["resources/read", request("resource", ALL, "uri")],
  ["resources/subscribe", request("resource", LEGACY)],
  ["resources/unsubscribe", request("resource", LEGACY)],
  ["completion/complete", request("reference", ALL)],
  ["subscriptions/listen", request("subscriptions", [MODERN])],
  ["tasks/get", request("task", TASKS, "taskId")],
  ["tasks/cancel", request("task", TASKS, "taskId")],
  ["tasks/update", request("task", [MODERN], "taskId")],
  ["tasks/result", request("task", ["2025-11-25"])],
  // whoever answers a list of tasks filters it to the caller's own.
  ["tasks/list", request("protocol", ["2025-11-25"])],
  ["notifications/initialized", notification(LEGACY)],
  ["notifications/cancelled", notification(ALL)],
  ["notifications/progress", notification(ALL)],
  ["notifications/roots/list_changed", notification(LEGACY)],
  ["notifications/tasks/status", notification(["2025-11-25"])],
]);

/**
 * What a message touches, by the method table. Every message touches at least one thing.
 * Not checked: whether what it names exists.
 * @throws McpError -32601 with 404 for a method that the revision's table lacks, request or notification; -32600 with 400 for a request
 * sent without id; -32602 with 400 for a missing or malformed name, URI or task id, and for arguments that differ from the tool's schema
 * only in case. A task that is not the caller's is reported as missing.
 */
export function callsOf(message: McpRequest | McpNotification, context: CallContext): readonly McpCall[] {
  const row = METHODS.get(message.method);
  if (row === undefined || !row.revisions.includes(context.revision) || row.type !== message.type) {
    throw notFound(message, row);
  }
  return READERS[row.touches](new Reading(message, context));
}

function notFound(message: McpRequest | McpNotification, row: MethodRow | undefined): McpError {
  const options = message.type === "request" ? { id: message.id } : {};
  // A request without id would be carried out unanswered by a lenient server.
  if (row?.type === "request" && message.type === "notification") {
    return new McpError(400, -32600, `${quote(message.method)} needs an "id".`, options);
  }
  return new McpError(404, -32601, `Method not found: ${quote(message.method)}`, options);
}

/** One message on its way to its calls. */
class Reading {
  readonly params: JsonObject;
  constructor(
    readonly message: McpRequest | McpNotification,
    readonly context: CallContext,
  ) {
    this.params = message.params ?? {};
  }

  call(kind: McpKind, name: string | undefined, args?: JsonValue): McpCall {
    const { server, revision } = this.context;
    return { server, revision, method: this.message.method, kind, name, arguments: args as JsonObject | undefined };
  }

  resource(uri: JsonValue | undefined, place: string): McpCall {
    const name = normaliseResourceUri(this.text(uri, place));
    if (name === undefined) throw this.invalid(`${place} is not an acceptable resource URI`);
    return this.call("resource", name);
  }

  /** the caller's own tasks only, and another's is answered as if it did not exist. */
  task(taskId: JsonValue | undefined, place: string): McpCall {
    const id = this.text(taskId, place);
    const creating = this.context.creatingCall?.(id);
    if (creating === undefined) throw this.invalid(`Task not found: ${quote(id)}`);
    return { ...creating, revision: this.context.revision, method: this.message.method };
  }

  text(value: JsonValue | undefined, place: string): string {
    if (typeof value !== "string" || value === "") throw this.invalid(`${place} must be a string`);
    return value;
  }

  texts(value: JsonValue | undefined, place: string): readonly JsonValue[] {
    if (value === undefined) return [];
    if (!Array.isArray(value)) throw this.invalid(`${place} must be an array`);
    return value;
  }

  invalid(why: string): McpError {
    const options = this.message.type === "request" ? { id: this.message.id } : {};
    return new McpError(400, -32602, why, options);
  }
}

const READERS: Readonly<Record<Touches, (reading: Reading) => readonly McpCall[]>> = {
  protocol: (reading) => [reading.call("protocol", undefined)],
  tool: (reading) => [toolCall(reading)],
  prompt: (reading) => [named(reading, "prompt")],
  resource: (reading) => [reading.resource(reading.params.uri, "params.uri")],
  task: (reading) => [reading.task(reading.params.taskId, "params.taskId")],
  reference: (reading) => [referenced(reading)],
  subscriptions: (reading) => subscribed(reading),
};

function named(reading: Reading, kind: "tool" | "prompt"): McpCall {
  return reading.call(kind, reading.text(reading.params.name, "params.name"), reading.params.arguments);
}

function toolCall(reading: Reading): McpCall {
  const call = named(reading, "tool");
  const schema = reading.context.inputSchemaOf?.(call.name ?? "");
  const confusable = schema && findConfusableArgument(reading.params.arguments, schema);
  if (confusable === undefined) return call;
  throw reading.invalid(`the argument ${quote(confusable)} differs from one of the tool's only in case`);
}

/** A completion tells about a prompt or a resource template, so it needs what using that needs. */
function referenced(reading: Reading): McpCall {
  const ref = (reading.params.ref ?? {}) as JsonObject;
  if (ref.type === "ref/prompt") return reading.call("prompt", reading.text(ref.name, "params.ref.name"));
  if (ref.type === "ref/resource") return reading.resource(ref.uri, "params.ref.uri");
  throw reading.invalid('params.ref.type must be "ref/prompt" or "ref/resource"');
}

/** The stream itself, and whatever it will tell about. */
function subscribed(reading: Reading): readonly McpCall[] {
  const wanted = (reading.params.notifications ?? {}) as JsonObject;
  const uris = reading.texts(wanted.resourceSubscriptions, "params.notifications.resourceSubscriptions");
  const taskIds = [
    ...reading.texts(wanted.taskIds, "params.notifications.taskIds"),
    ...reading.texts(reading.params.taskIds, "params.taskIds"),
  ];
  return [
    reading.call("protocol", undefined),
    ...uris.map((uri) => reading.resource(uri, "params.notifications.resourceSubscriptions[]")),
    ...taskIds.map((id) => reading.task(id, "taskIds[]")),
  ];
}
