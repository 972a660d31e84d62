import type { JsonObject, JsonValue } from "../core/mcp-call.js";
import { parseJson } from "../core/parse-json.js";
import { createEventRewriter } from "./event-rewriter.js";

/** What may be shown of one result. The same object = nothing changed. */
export type ShowResult = (result: JsonObject, id: string | number | undefined) => JsonObject;

const MAX_EVENT_LENGTH = 16 * 1024 * 1024;

/**
 * The answer of an MCP endpoint with every result passed through `show`: JSON, batches, and the events of a stream, which flows on as it
 * comes. Texts in which nothing changed and answers that are errors stay as they are. What cannot be read is not passed on.
 */
export async function filterResponse(response: Response, show: ShowResult): Promise<Response> {
  const type = (response.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase();
  if (response.body === null) return response;
  if (type === "application/json") return rebuilt(response, rewriteText(await response.text(), show));
  if (type !== "text/event-stream") return response.ok ? unreadable(response) : response;
  const rewriter = createEventRewriter((data) => rewriteText(data, show), MAX_EVENT_LENGTH);
  const encoder = new TextEncoder();
  const transform = new TransformStream<string, Uint8Array>({
    transform: (chunk, controller) => {
      const text = rewriter.push(chunk);
      if (text !== "") controller.enqueue(encoder.encode(text));
    },
  });
  const decoded = response.body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>);
  return rebuilt(response, decoded.pipeThrough(transform));
}

/** A list in a form that nobody here reads would be a list that nobody filtered. */
async function unreadable(response: Response): Promise<Response> {
  await response.body?.cancel();
  const error = { code: -32603, message: "The server answered in a form that cannot be checked." };
  return Response.json({ jsonrpc: "2.0", id: null, error }, { status: 502 });
}

function rebuilt(response: Response, body: BodyInit): Response {
  const headers = new Headers(response.headers);
  // They described other bytes.
  for (const name of ["content-length", "content-encoding", "etag", "content-digest"]) headers.delete(name);
  return new Response(body, { status: response.status, statusText: response.statusText, headers });
}

function rewriteText(text: string, show: ShowResult): string {
  if (text === "") return text;
  const value = parseJson(text);
  if (!Array.isArray(value)) {
    const shown = showMessage(value, show);
    return shown === value ? text : JSON.stringify(shown);
  }
  const shown = value.map((message) => showMessage(message, show));
  return shown.every((message, index) => message === value[index]) ? text : JSON.stringify(shown);
}

function showMessage(message: JsonValue, show: ShowResult): JsonValue {
  if (!isObject(message) || !isObject(message.result)) return message;
  const { id, result } = message;
  const shown = show(result, typeof id === "string" || typeof id === "number" ? id : undefined);
  return shown === result ? message : { ...message, result: shown };
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
