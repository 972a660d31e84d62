import type { JsonObject, JsonValue, McpBody, McpCall, McpRequest } from "@sallyport/auth";

/** What may be shown of the answer to one request. */
export type ReadResult = (request: McpRequest, result: JsonObject) => JsonObject;

/**
 * Reads one JSON text of an answer (a response, a batch of them, or another message in a stream), hands every result that belongs to one of
 * `requests` to `readResult`, and formats what came back. A text in which nothing changed stays byte for byte.
 * @throws SyntaxError for what is not JSON: it cannot be shown unread.
 */
export function createAnswerReader(requests: readonly McpRequest[], readResult: ReadResult): (text: string) => string {
  const byId = new Map(requests.map((request) => [request.id, request]));
  const readOne = (message: JsonValue): JsonValue => {
    const { id, result } = asObject(message);
    const request = typeof id === "string" || typeof id === "number" ? byId.get(id) : undefined;
    if (request === undefined || !isObject(result)) return message;
    const shown = readResult(request, result);
    return shown === result ? message : { ...asObject(message), result: shown };
  };
  return (text) => rewrite(text, readOne);
}

/**
 * The same for a stream on which any earlier request may be answered (resumption): results are known by their shape alone.
 */
export function createStreamReader(readResult: (result: JsonObject) => JsonObject): (text: string) => string {
  const readOne = (message: JsonValue): JsonValue => {
    const { result } = asObject(message);
    if (!isObject(result)) return message;
    const shown = readResult(result);
    return shown === result ? message : { ...asObject(message), result: shown };
  };
  return (text) => (text.includes('"result"') || text.includes("\\u") ? rewrite(text, readOne) : text);
}

function rewrite(text: string, readOne: (message: JsonValue) => JsonValue): string {
  const value: JsonValue = JSON.parse(text);
  if (!Array.isArray(value)) {
    const shown = readOne(value);
    return shown === value ? text : JSON.stringify(shown);
  }
  const shown = value.map(readOne);
  return shown.every((message, index) => message === value[index]) ? text : JSON.stringify(shown);
}

const EMPTY: JsonObject = {};

function asObject(value: JsonValue | undefined): JsonObject {
  return isObject(value) ? value : EMPTY;
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Lists whose answers are filtered, and the member of the result that holds the list. */
export const LISTS: Readonly<Record<string, "tools" | "prompts" | "resources" | "resourceTemplates" | "tasks">> = {
  "tools/list": "tools",
  "prompts/list": "prompts",
  "resources/list": "resources",
  "resources/templates/list": "resourceTemplates",
  "tasks/list": "tasks",
};

const TASKS_EXTENSION = "io.modelcontextprotocol/tasks";
const CLIENT_CAPABILITIES = "io.modelcontextprotocol/clientCapabilities";

/** May the answer to this request make a task? 2025-11-25: asked for by `params.task`; later the extension, declared per request. */
export function mayMakeTask({ params }: McpRequest): boolean {
  if (params?.task !== undefined) return true;
  const meta = asObject(params?._meta);
  return asObject(asObject(meta[CLIENT_CAPABILITIES]).extensions)[TASKS_EXTENSION] !== undefined;
}

/** The id of the task that a result says it made. */
export function taskIdOf(result: JsonObject): string | undefined {
  const { taskId } = isObject(result.task) ? result.task : result;
  return typeof taskId === "string" ? taskId : undefined;
}

/** The requests of a body whose answers have to be read, with the calls they were judged as. */
export function requestsToRead(
  body: McpBody,
  callsByMessage: readonly (readonly McpCall[])[],
): readonly {
  readonly request: McpRequest;
  readonly calls: readonly McpCall[];
}[] {
  const found: { request: McpRequest; calls: readonly McpCall[] }[] = [];
  body.messages.forEach((request, index) => {
    if (request.type !== "request") return;
    if (request.method in LISTS || mayMakeTask(request)) found.push({ request, calls: callsByMessage[index] ?? [] });
  });
  return found;
}
