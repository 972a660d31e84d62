import { rewriteAnswer, type ShowResult } from "../core/mcp-answer.js";
import { createEventRewriter } from "./event-rewriter.js";

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

/** A body without anything, as of a notification, holds nothing to show. */
function rewriteText(text: string, show: ShowResult): string {
  return text === "" ? text : rewriteAnswer(text, show);
}
