import type { IncomingMessage } from "node:http";
import { type HeaderLookup, McpError } from "@sallyport/auth";

/** `application/json`, with no parameter or with `charset=utf-8` (RFC 8259 §8.1 knows no other). */
const JSON_TYPE = /^application\/json[ \t]*(?:;[ \t]*charset=(?:utf-8|"utf-8")[ \t]*)?;?$/i;

/** Refuses what the strict scan could not read byte for byte. @throws McpError 415. */
export function checkContentHeaders(header: HeaderLookup): void {
  const type = header("content-type");
  if (typeof type !== "string" || !JSON_TYPE.test(type)) {
    throw new McpError(415, -32600, "Content-Type must be application/json in UTF-8", { reason: "content_type" });
  }
  const encoding = header("content-encoding");
  if (encoding !== undefined && encoding !== "identity") {
    throw new McpError(415, -32600, "Content-Encoding is not supported", { reason: "content_encoding" });
  }
}

/** The client went away before its request was whole. Nobody is left to answer. */
export class ClientGone extends Error {
  override readonly name = "ClientGone";
}

const tooLarge = (limit: number) =>
  new McpError(413, -32600, `The body is larger than ${limit} bytes`, { reason: "body_size" });

/** Reads the body once, as it is. @throws McpError 413, {@link ClientGone}. */
export function readBody(request: IncomingMessage, limit: number): Promise<Uint8Array> {
  const declared = Number(request.headers["content-length"] ?? 0);
  if (declared > limit) return Promise.reject(tooLarge(limit));
  return new Promise((resolve, reject) => {
    let first: Buffer | undefined;
    let rest: Buffer[] | undefined;
    let length = 0;
    request.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > limit) {
        // What still comes is thrown away by node:http until its request time-out; nothing of it is kept.
        request.removeAllListeners("data");
        request.resume();
        reject(tooLarge(limit));
      } else if (first === undefined) first = chunk;
      else if (rest === undefined) rest = [first, chunk];
      else rest.push(chunk);
    });
    request.on("end", () => resolve(rest === undefined ? (first ?? new Uint8Array(0)) : Buffer.concat(rest, length)));
    request.on("error", () => reject(new ClientGone("the connection ended in the middle of the request")));
  });
}
