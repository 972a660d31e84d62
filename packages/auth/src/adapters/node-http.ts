import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import type { Endpoint } from "./endpoint.js";

/** Path and query of a request line, whatever form the line has (RFC 9112 §3.2); an absolute form's host is nobody's word. */
export function targetOf(req: Pick<IncomingMessage, "url">): string {
  const target = req.url ?? "/";
  if (target.startsWith("/")) return target;
  if (!URL.canParse(target)) return "/";
  const { pathname, search } = new URL(target);
  return pathname + search;
}

export function pathOf(req: Pick<IncomingMessage, "url">): string {
  const target = targetOf(req);
  const query = target.indexOf("?");
  return query === -1 ? target : target.slice(0, query);
}

/**
 * A `node:http` request as a `Request` of `origin`. Repeated headers are joined by commas, as Fetch does it; nothing of the body is read.
 * @throws TypeError when a body parser was here before: what it read cannot be judged byte for byte.
 */
export function toRequest(req: IncomingMessage, origin: string, signal: AbortSignal): Request {
  const method = req.method ?? "GET";
  const headers = new Headers();
  for (let index = 0; index + 1 < req.rawHeaders.length; index += 2) {
    const [name = "", value = ""] = req.rawHeaders.slice(index, index + 2);
    headers.append(name, value);
  }
  const hasBody = method !== "GET" && method !== "HEAD";
  if (hasBody && req.readableDidRead)
    throw new TypeError("The body was read already: protect MCP before any body parser.");
  const body = hasBody ? (Readable.toWeb(req) as ReadableStream<Uint8Array>) : null;
  const init: RequestInit & { duplex: "half" } = { method, headers, body, signal, duplex: "half" };
  return new Request(origin + targetOf(req), init);
}

/** Sends a `Response`, at the pace of the client; when the client goes, the response's body is cancelled. */
export async function sendResponse(res: ServerResponse, response: Response): Promise<void> {
  const headers: Record<string, string | string[]> = Object.fromEntries(response.headers);
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) headers["set-cookie"] = cookies;
  res.writeHead(response.status, headers);
  if (response.body === null) {
    res.end();
    return;
  }
  // An event stream may be silent for long: its head must not wait for the first event.
  res.flushHeaders();
  const reader = response.body.getReader();
  const gone = new Promise<"gone">((resolve) => res.once("close", () => resolve("gone")));
  for (;;) {
    const next = await Promise.race([reader.read(), gone]);
    if (next === "gone") return reader.cancel();
    if (next.done) break;
    if (!res.write(next.value) && (await Promise.race([drained(res), gone])) === "gone") return reader.cancel();
  }
  res.end();
}

function drained(res: ServerResponse): Promise<void> {
  return new Promise((resolve) => res.once("drain", resolve));
}

/** Answers a `node:http` request through the endpoint. A failure before the head is 500, after it the connection ends. Never rejects. */
export async function serveNode(req: IncomingMessage, res: ServerResponse, endpoint: Endpoint): Promise<void> {
  // Fetch §2.2.1: no `Request` has this method, and no answer should echo a request's headers.
  if (req.method === "TRACE") return void res.writeHead(405, { allow: "POST, GET, DELETE" }).end();
  const client = new AbortController();
  res.once("close", () => {
    if (!res.writableFinished) client.abort();
  });
  try {
    const response = await endpoint.handle(toRequest(req, endpoint.origin, client.signal));
    await sendResponse(res, response);
  } catch (error) {
    if (client.signal.aborted) return;
    endpoint.log("error", "request failed", { error: error instanceof Error ? error.stack : String(error) });
    if (res.headersSent) res.destroy();
    else res.writeHead(500, { "content-type": "application/json" }).end('{"error":"server_error"}');
  }
}
