import type { IncomingMessage, ServerResponse } from "node:http";
import type { PlainAnswer } from "../authorization-server/responses.js";
import { OAuthError } from "../core/oauth-error.js";
import type { PlainRequest } from "../oauth/parameters.js";
import { targetOf } from "./node-http.js";

/**
 * A `node:http` request for `AuthorizationServer.answer`, under `origin` (never the request's own word). Repeated headers are joined by
 * commas, as Fetch does it, so that two of what may come once are never one.
 */
export function toPlainRequest(req: IncomingMessage, origin: string): PlainRequest {
  const get = (name: string) => headerOf(req.rawHeaders, name);
  return {
    method: req.method ?? "GET",
    url: origin + targetOf(req),
    headers: { get, has: (name) => get(name) !== null },
    body: null,
    readBody: (limit) => readBody(req, limit),
  };
}

function headerOf(raw: readonly string[], name: string): string | null {
  let value: string | null = null;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const known = raw[index] ?? "";
    if (known.length !== name.length || known.toLowerCase() !== name) continue;
    const next = raw[index + 1] ?? "";
    value = value === null ? next : `${value}, ${next}`;
  }
  return value;
}

/** Beyond `limit` the rest is not waited for: the connection ends with the answer. */
function readBody(req: IncomingMessage, limit: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let length = 0;
    req.on("data", (chunk: Uint8Array) => {
      length += chunk.byteLength;
      if (length <= limit) chunks.push(chunk);
      else reject(new OAuthError("body_too_large"));
    });
    // Each comes once anyway, and `once` wraps what it is given.
    req.on("end", () => resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)));
    req.on("error", reject);
    req.on("close", () => {
      if (!req.complete) reject(new OAuthError("request_malformed", { detail: "the client left" }));
    });
  });
}

/** Sends what `AuthorizationServer.answer` answered. */
export function sendPlainAnswer(res: ServerResponse, { status, headers, body }: PlainAnswer): void {
  const text = body ?? "";
  const length = Buffer.byteLength(text);
  const fields: Record<string, string | number> = Object.assign({}, headers);
  if (status !== 204) fields["content-length"] = length;
  // A body that was not read to its end cannot be told from the next request.
  if (!res.req.complete) fields.connection = "close";
  // As many bytes as characters: ASCII, which needs no conversion.
  endInOneWrite(res.writeHead(status, fields), text, length === text.length ? "latin1" : "utf8");
}

/**
 * The whole body, after `writeHead`, as one chunk with the head: `end` alone makes a second, empty one, and `writev` of two takes longer than a
 * write. For small texts; a large one is cheaper as bytes.
 */
export function endInOneWrite(res: ServerResponse, text: string, encoding: "utf8" | "latin1"): void {
  const { socket } = res;
  // Not even an empty write: where there must be no body, a server with `rejectNonStandardBodyWrites` throws at it.
  if (text === "") return void res.end();
  socket?.cork();
  res.write(text, encoding);
  socket?.uncork();
  res.end();
}
