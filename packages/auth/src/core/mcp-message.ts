import { findConfusableKey, foldNames } from "./case-folding.js";
import { scanJson } from "./json-scan.js";
import { isJsonObject, type JsonObject, type JsonValue } from "./mcp-call.js";
import { McpError } from "./mcp-error.js";
import { parseJson } from "./parse-json.js";
import { quote } from "./quote.js";

export interface McpRequest {
  readonly type: "request";
  readonly id: string | number;
  readonly method: string;
  readonly params: JsonObject | undefined;
}

export interface McpNotification {
  readonly type: "notification";
  readonly method: string;
  readonly params: JsonObject | undefined;
}

/** A client's answer to a server's request; legacy revisions only. */
export interface McpResponse {
  readonly type: "response";
  readonly id: string | number;
}

export type McpMessage = McpRequest | McpNotification | McpResponse;

export interface McpBody {
  /** The body was an array: legal in 2025-03-26 only. */
  readonly batch: boolean;
  readonly messages: readonly McpMessage[];
  /** Some number in the body is not held exactly by a double: conditions that read arguments are an error then. */
  readonly inexactNumbers: boolean;
}

/** Default and highest body size in bytes, nesting depth, and messages in one batch. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;
export const MAX_DEPTH = 64;
const MAX_BATCH = 100;

/** Members that MCP gives a meaning, in the places where a decision looks. A key that differs from one only in case is refused there. */
const WIRE_MEMBERS = foldNames([
  ..."jsonrpc id method params result error code message data".split(" "),
  ..."_meta name title arguments argument value uri ref type cursor task ttl taskId taskIds level context".split(" "),
  ..."requestState inputResponses inputRequests protocolVersion capabilities clientInfo requestId reason".split(" "),
  ..."progressToken progress total notifications resourceSubscriptions toolsListChanged promptsListChanged".split(" "),
  ..."resourcesListChanged io.modelcontextprotocol/protocolVersion io.modelcontextprotocol/clientInfo".split(" "),
  ..."io.modelcontextprotocol/clientCapabilities io.modelcontextprotocol/logLevel".split(" "),
  ..."io.modelcontextprotocol/related-task io.modelcontextprotocol/subscriptionId traceparent tracestate baggage".split(
    " ",
  ),
]);
/** Members of `params` that are looked into; each must be an object, and `arguments` too. */
const INSPECTED = ["_meta", "ref", "notifications", "task"] as const;

const FAULTS = {
  depth: `The body is nested deeper than ${MAX_DEPTH} levels.`,
  duplicate: "The body names a key twice.",
  prototype: 'The body has a key "__proto__".',
  surrogate: "The body escapes half a surrogate pair.",
  string: "Parse error: the body is not JSON.",
} as const;

// The BOM is kept, and JSON.parse refuses it (RFC 8259 §8.1).
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The one strict reading of a request body: fatal UTF-8, no BOM, depth ≤ 64, no duplicate key at any depth (escapes decoded), no two keys
 * equal under case folding in the envelope, `params`, `params._meta` and `params.ref`, no key there that equals a wire member only under
 * case folding. Refused besides: the key `__proto__`, lone surrogates, batches over 100 messages or with an id twice. What it returns is what
 * every parser sees in the same bytes (`parseJson`); the bytes themselves are what goes on. Not checked: methods, names and revisions (`callsOf`,
 * `checkMcpHeaders`), and argument names that differ from a tool's schema only in case.
 * @throws McpError -32700 (not JSON) or -32600 (JSON, but not one strict JSON-RPC body), status 400, with the id if one could be read.
 */
export function parseMcpBody(bytes: Uint8Array): McpBody {
  if (bytes.length > MAX_BODY_BYTES) throw new McpError(413, -32600, "The body is larger than 4 MiB.");
  const text = decodeUtf8(bytes);
  const scan = scanJson(bytes, text, MAX_DEPTH);
  if (scan.fault === "depth") throw refuse(FAULTS.depth);
  // Of what is refused anyway only the id is read.
  const value = parseOrRefuse(text, scan.fault === undefined ? parseJson : JSON.parse);
  if (scan.fault !== undefined) {
    throw refuse(
      scan.key === undefined ? FAULTS[scan.fault] : `The body names the key ${quote(scan.key)} twice.`,
      value,
    );
  }
  const batch = Array.isArray(value);
  const messages = batch ? parseBatch(value) : [parseMessage(value)];
  return { batch, messages, inexactNumbers: scan.inexactNumbers };
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw new McpError(400, -32700, "Parse error: the body is not UTF-8.");
  }
}

function parseOrRefuse(text: string, parse: (text: string) => JsonValue): JsonValue {
  try {
    return parse(text);
  } catch {
    throw new McpError(400, -32700, FAULTS.string);
  }
}

function parseBatch(values: readonly JsonValue[]): readonly McpMessage[] {
  if (values.length === 0) throw refuse("A batch needs at least one message.");
  if (values.length > MAX_BATCH) throw refuse(`A batch holds at most ${MAX_BATCH} messages.`);
  const messages = values.map(parseMessage);
  const ids = new Set<string | number>();
  for (const message of messages) {
    if (message.type !== "request") continue;
    // Spec 2025-03-26, lifecycle: `initialize` must not be part of a batch.
    if (message.method === "initialize") throw refuse("initialize cannot be part of a batch.");
    if (ids.has(message.id)) throw refuse("A batch uses one id for two requests.");
    ids.add(message.id);
  }
  return messages;
}

function parseMessage(value: JsonValue): McpMessage {
  if (!isJsonObject(value)) throw refuse("A message must be an object.");
  checkKeys(value, "the message", value);
  if (value.jsonrpc !== "2.0") throw refuse('"jsonrpc" must be "2.0".', value);
  const { id, method, params } = value;
  if (id !== undefined && !isId(id)) throw refuse('"id" must be a string or an integer.', value);
  const answers = ("result" in value ? 1 : 0) + ("error" in value ? 1 : 0);
  if (method === undefined) return parseResponse(value, answers);
  if (answers > 0) throw refuse("A message cannot be both request and response.", value);
  if (typeof method !== "string") throw refuse('"method" must be a string.', value);
  checkParams(params, value);
  return id === undefined ? { type: "notification", method, params } : { type: "request", id, method, params };
}

function parseResponse(value: JsonObject, answers: number): McpResponse {
  if (answers !== 1 || value.id === undefined) {
    throw refuse('A message needs a "method", or an "id" with either "result" or "error".', value);
  }
  return { type: "response", id: value.id as string | number };
}

function checkParams(params: JsonValue | undefined, message: JsonObject): asserts params is JsonObject | undefined {
  if (params === undefined) return;
  if (!isJsonObject(params)) throw refuse('"params" must be an object.', message);
  checkKeys(params, "params", message);
  if (params.arguments !== undefined && !isJsonObject(params.arguments)) {
    throw refuse('"params.arguments" must be an object.', message);
  }
  for (const member of INSPECTED) {
    const inner = params[member];
    if (inner === undefined) continue;
    if (!isJsonObject(inner)) throw refuse(`"params.${member}" must be an object.`, message);
    checkKeys(inner, `params.${member}`, message);
  }
}

function checkKeys(object: JsonObject, place: string, message: JsonObject): void {
  const key = findConfusableKey(Object.keys(object), WIRE_MEMBERS);
  if (key !== undefined)
    throw refuse(`The key ${quote(key)} in ${place} differs from another name only in case.`, message);
}

function isId(value: JsonValue): value is string | number {
  return typeof value === "string" || Number.isSafeInteger(value);
}

function refuse(message: string, value?: JsonValue): McpError {
  const id = isJsonObject(value) && value.id !== undefined && isId(value.id) ? { id: value.id } : {};
  return new McpError(400, -32600, message, id);
}
