import { OAuthError, type OAuthErrorReason } from "../core/oauth-error.js";
import { isJsonObject, type JsonClaims } from "../oauth/jws.js";

/** Port: the platform's `fetch`, or one that is guarded. It is asked for no redirects (`redirect: "manual"`), and given a signal. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface ClientHttpOptions {
  /** Default: the platform's. Addresses are not looked at: URLs that came from outside need a guarded one. */
  readonly fetch?: Fetch;
  /** Milliseconds for one request, body included; default 10,000. */
  readonly timeoutMs?: number;
}

/** One answer, read whole. */
export interface JsonAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** `undefined`: no JSON object. */
  readonly body: JsonClaims | undefined;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const MAX_BYTES = 128 * 1024;
const JSON_TYPE = /^application\/(?:[a-z0-9.-]+\+)?json[ \t]*(?:;|$)/i;

/**
 * One request to an authorization server, bounded in size and time, without redirects: what it sends holds secrets.
 * @throws OAuthError `server_unreachable`, `server_timeout`, `server_garbage`
 */
export async function requestJson(url: string, init: RequestInit, options: ClientHttpOptions): Promise<JsonAnswer> {
  const { fetch = globalThis.fetch, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  try {
    const response = await fetch(url, { ...init, redirect: "manual", signal: AbortSignal.timeout(timeoutMs) });
    const { status, headers } = response;
    if (response.type === "opaqueredirect" || (status >= 300 && status < 400)) {
      response.body?.cancel().catch(() => {});
      throw failure("server_garbage", url, `a redirect (${status}), which is not followed`);
    }
    return { status, headers, body: await readObject(response, url) };
  } catch (cause) {
    if (cause instanceof OAuthError) throw cause;
    const timedOut = cause instanceof Error && (cause.name === "TimeoutError" || cause.name === "AbortError");
    throw failure(timedOut ? "server_timeout" : "server_unreachable", url, describe(cause));
  }
}

async function readObject(response: Response, url: string): Promise<JsonClaims | undefined> {
  const chunks = await readChunks(response, url);
  if (!JSON_TYPE.test(response.headers.get("content-type") ?? "")) return undefined;
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    const text = chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("") + decoder.decode();
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

async function readChunks({ body }: Response, url: string): Promise<readonly Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  if (body === null) return chunks;
  const reader = body.getReader();
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return chunks;
    length += value.length;
    if (length > MAX_BYTES) {
      // Nobody waits for whoever sends too much to have understood that.
      reader.cancel().catch(() => {});
      throw failure("server_garbage", url, `an answer of more than ${MAX_BYTES} bytes`);
    }
    chunks.push(value);
  }
}

type HttpReason = Extract<OAuthErrorReason, "server_unreachable" | "server_timeout" | "server_garbage">;

/** Names the server by its origin: a path may hold a tenant's secret, a query must not be logged. */
export function failure(reason: HttpReason, url: string, detail: string): OAuthError {
  return new OAuthError(reason, { detail: `${new URL(url).origin}: ${detail}` });
}

function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return "failed";
  const inner = cause.cause instanceof Error && "code" in cause.cause ? cause.cause.code : undefined;
  return typeof inner === "string" ? inner : cause.name;
}

/** https, or http on loopback: everything else would carry secrets in the clear. */
export function isSecureUrl(value: unknown): value is string {
  if (typeof value !== "string" || !URL.canParse(value)) return false;
  const { protocol, hostname, username, password } = new URL(value);
  if (username !== "" || password !== "") return false;
  return protocol === "https:" || (protocol === "http:" && isLoopback(hostname));
}

function isLoopback(hostname: string): boolean {
  return ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
}
