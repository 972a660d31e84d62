import { OAuthError, type OAuthErrorReason } from "../core/oauth-error.js";
import { isJsonObject, type JsonClaims } from "../oauth/jws.js";

/** Port: the platform's `fetch`, or one that is guarded. It is asked for no redirects (`redirect: "manual"`), and given a signal. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/**
 * Port: one request without redirects, its answer whole. For who has connections of their own, where `fetch` costs more than everything
 * around it. Rejects with an error called `TimeoutError` after `timeoutMs`, with a RangeError beyond `maxBytes`.
 */
export type Send = (
  url: string,
  request: {
    readonly method: "GET" | "POST";
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string | undefined;
    readonly timeoutMs: number;
    readonly maxBytes: number;
  },
) => Promise<{ readonly status: number; readonly headers: Pick<Headers, "get">; readonly body: Uint8Array }>;

/** One request of ours; a body is a form. */
export interface JsonRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: URLSearchParams;
}

export interface ClientHttpOptions {
  /** In place of `fetch`. */
  readonly send?: Send;
  /** Default: the platform's. Addresses are not looked at: URLs that came from outside need a guarded one. */
  readonly fetch?: Fetch;
  /** Milliseconds for one request, body included; default 10,000. */
  readonly timeoutMs?: number;
}

/** One answer, read whole. */
export interface JsonAnswer {
  readonly status: number;
  readonly headers: Pick<Headers, "get">;
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
export async function requestJson(url: string, asked: JsonRequest, options: ClientHttpOptions): Promise<JsonAnswer> {
  try {
    const { status, headers, body } = await (options.send === undefined ? fetched : sent)(url, asked, options);
    return { status, headers, body: objectOf(body, headers) };
  } catch (cause) {
    if (cause instanceof OAuthError) throw cause;
    if (cause instanceof RangeError) throw failure("server_garbage", url, `an answer of more than ${MAX_BYTES} bytes`);
    const timedOut = cause instanceof Error && (cause.name === "TimeoutError" || cause.name === "AbortError");
    throw failure(timedOut ? "server_timeout" : "server_unreachable", url, describe(cause));
  }
}

type Whole = Omit<JsonAnswer, "body"> & { readonly body: readonly Uint8Array[] };

async function fetched(url: string, { headers, body }: JsonRequest, options: ClientHttpOptions): Promise<Whole> {
  const { fetch = globalThis.fetch, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const signal = AbortSignal.timeout(timeoutMs);
  const method = body === undefined ? "GET" : "POST";
  const response = await fetch(url, { method, headers, redirect: "manual", signal, ...(body && { body }) });
  if (response.type === "opaqueredirect" || isRedirect(response)) {
    response.body?.cancel().catch(() => {});
    throw redirected(url, response);
  }
  return { status: response.status, headers: response.headers, body: await readChunks(response) };
}

const FORM = { "content-type": "application/x-www-form-urlencoded;charset=UTF-8" };

async function sent(url: string, { headers, body }: JsonRequest, options: ClientHttpOptions): Promise<Whole> {
  const { send, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  if (send === undefined) throw new TypeError("no `send`");
  const answer = await send(url, {
    method: body === undefined ? "GET" : "POST",
    headers: body === undefined ? headers : { ...FORM, ...headers },
    body: body?.toString(),
    timeoutMs,
    maxBytes: MAX_BYTES,
  });
  if (isRedirect(answer)) throw redirected(url, answer);
  return { ...answer, body: [answer.body] };
}

function isRedirect({ status }: { readonly status: number }): boolean {
  return status >= 300 && status < 400;
}

function redirected(url: string, { status }: { readonly status: number }): OAuthError {
  return failure("server_garbage", url, `a redirect (${status}), which is not followed`);
}

function objectOf(chunks: readonly Uint8Array[], headers: JsonAnswer["headers"]): JsonClaims | undefined {
  if (!JSON_TYPE.test(headers.get("content-type") ?? "")) return undefined;
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    const text = chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("") + decoder.decode();
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

async function readChunks({ body }: Response): Promise<readonly Uint8Array[]> {
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
      throw new RangeError("too long");
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
