import { isJsonObject, type JsonObject, type JsonValue } from "./mcp-call.js";
import { parseJson } from "./parse-json.js";

/** What may be shown of one result; the same object = nothing changed. `id` is the response's. */
export type ShowResult = (result: JsonObject, id: string | number | undefined) => JsonObject;

/**
 * One JSON text of an answer (a response, a batch of them, or another message in a stream) with every result passed through `show`. A text in
 * which nothing changed stays byte for byte. @throws SyntaxError for what is not JSON: it cannot be shown unread.
 */
export function rewriteAnswer(text: string, show: ShowResult): string {
  const value = parseJson(text);
  if (!Array.isArray(value)) {
    const shown = showMessage(value, show);
    return shown === value ? text : JSON.stringify(shown);
  }
  const shown = value.map((message) => showMessage(message, show));
  return shown.every((message, index) => message === value[index]) ? text : JSON.stringify(shown);
}

function showMessage(message: JsonValue, show: ShowResult): JsonValue {
  if (!isJsonObject(message) || !isJsonObject(message.result)) return message;
  const { id, result } = message;
  const shown = show(result, typeof id === "string" || typeof id === "number" ? id : undefined);
  return shown === result ? message : { ...message, result: shown };
}
