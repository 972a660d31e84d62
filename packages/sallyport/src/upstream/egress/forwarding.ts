import type { IncomingMessage, ServerResponse } from "node:http";
import { type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Dispatcher } from "undici";
import { endToEndHeaders } from "../hop-by-hop.js";
import { UpstreamError } from "../upstream.js";
import { egressHeaders } from "./headers.js";

export interface Forwarded {
  readonly dispatcher: Dispatcher;
  /** Path and query. */
  readonly path: string;
  readonly own: { readonly name: string; readonly value: string };
  readonly maxRequestBytes: number;
  readonly signal: AbortSignal;
  /** Told of the head that came back. */
  onAnswer(status: number, headers: Readonly<Record<string, string | readonly string[]>>): void;
}

export class TooLarge extends Error {}

/**
 * Sends one request of a child on and its answer back, both as streams. A redirect goes back as it is, followed by nobody here.
 * @throws TooLarge before or within the body; whatever the connection throws. After the head was written, the child's connection is cut.
 */
export async function forward(request: IncomingMessage, response: ServerResponse, forwarded: Forwarded): Promise<void> {
  const { dispatcher, path, own, maxRequestBytes, signal, onAnswer } = forwarded;
  if (Number(request.headers["content-length"] ?? 0) > maxRequestBytes) throw new TooLarge();
  let tooLarge = false;
  const body = bodyOf(request, maxRequestBytes, () => {
    tooLarge = true;
  });
  const method = (request.method ?? "") as Dispatcher.HttpMethod;
  try {
    const answer = await dispatcher.request({
      path,
      method,
      headers: egressHeaders(request.rawHeaders, own),
      body,
      signal,
    });
    const headers = endToEndHeaders(answer.headers);
    onAnswer(answer.statusCode, headers);
    response.writeHead(answer.statusCode, headers);
    await pipeline(answer.body, response, { signal });
  } catch (error) {
    throw tooLarge ? new TooLarge() : error;
  } finally {
    body?.destroy();
  }
}

/** `null` for a request without one: some systems refuse a GET that brings even an empty body. */
function bodyOf(request: IncomingMessage, maxBytes: number, onTooLarge: () => void): Readable | null {
  const { "content-length": length, "transfer-encoding": encoding } = request.headers;
  if (encoding === undefined && (length === undefined || Number(length) === 0)) return null;
  let seen = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      seen += chunk.length;
      if (seen <= maxBytes) {
        done(null, chunk);
        return;
      }
      onTooLarge();
      done(new UpstreamError("protocol", "the body is too large"));
    },
  });
  // No pipeline, which would take the connection away with the request, and with it the answer that says why.
  request.pipe(counted);
  request.once("close", () => {
    if (!request.complete) counted.destroy(new UpstreamError("protocol", "the body ended early"));
  });
  return counted;
}
