import { McpError } from "../core/mcp-error.js";
import { MAX_BODY_BYTES } from "../core/mcp-message.js";

const JSON_TYPE = /^application\/json[ \t]*(?:;[ \t]*charset=(?:utf-8|"utf-8")[ \t]*)?$/i;

/** The bytes of a POST, once. @throws McpError 415 for another type, charset or a content encoding; 413 beyond {@link MAX_BODY_BYTES}. */
export async function readBody(request: Request): Promise<Uint8Array> {
  const { headers } = request;
  if (!JSON_TYPE.test(headers.get("content-type") ?? "")) {
    throw new McpError(415, -32600, "The body must be application/json in UTF-8.");
  }
  if ((headers.get("content-encoding") ?? "identity").toLowerCase() !== "identity") {
    throw new McpError(415, -32600, "The body must not be compressed.");
  }
  if (Number(headers.get("content-length") ?? 0) > MAX_BODY_BYTES) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  return joined(chunks, length);
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const [only] = chunks;
  if (only !== undefined && chunks.length === 1) return only;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function tooLarge(): McpError {
  return new McpError(413, -32600, `The body is larger than ${MAX_BODY_BYTES} bytes.`);
}
