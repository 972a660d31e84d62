import type { System } from "@sallyport/auth";
import { Pool } from "undici";
import { isEndToEnd, namesOfConnection } from "./hop-by-hop.js";
import { describeHttp } from "./http-describe.js";
import { toUpstreamError } from "./http-errors.js";
import { HttpExchange } from "./http-exchange.js";
import { type Exchange, type Upstream, UpstreamError, type UpstreamHandler, type UpstreamRequest } from "./upstream.js";

export interface HttpLimits {
  /** Connections at the same time, one per exchange; an idle event stream holds one. Default 512. */
  readonly connections: number;
  /** Milliseconds until a connection must stand. Default 10,000. */
  readonly connectTimeoutMs: number;
  /** Milliseconds until the upstream must have begun its answer: the longest silent call. Default 300,000. */
  readonly headersTimeoutMs: number;
  /** Milliseconds for each request of {@link Upstream.describe}. Default 10,000. */
  readonly describeTimeoutMs: number;
}

const HTTP_LIMITS: HttpLimits = {
  connections: 512,
  connectTimeoutMs: 10_000,
  headersTimeoutMs: 300_000,
  describeTimeoutMs: 10_000,
};

/** Headers as they are now, the same object until they change. @throws UpstreamError for a value that is not there any more */
export type HeaderReader = () => Readonly<Record<string, string>>;

export interface HttpUpstreamOptions {
  /** The upstream's MCP endpoint. `http:` or `https:`, without credentials and fragment. */
  readonly url: string;
  readonly system: System;
  readonly limits?: Partial<HttpLimits>;
  /** Sent with every request, also those of `describe()`, over whatever the request brings: a static credential of the upstream. */
  readonly headers?: Readonly<Record<string, string>> | HeaderReader;
  /** Sent besides, with every request of `describe()`: what goes on when nobody calls. */
  readonly ownHeaders?: () => Promise<Readonly<Record<string, string>>>;
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: string | readonly string[];
}

/** An upstream with the numbers that a test of leaks reads. */
export interface HttpUpstream extends Upstream {
  /** Exchanges that hold a slot, and sockets that stand. */
  stats(): { readonly exchanges: number; readonly running: number; readonly connected: number };
}

/**
 * A Streamable HTTP server behind pooled connections. The bytes of the request go on as they are; redirects are not followed; nothing is
 * retried, because a call may have effects. More exchanges than `connections` are refused (`overloaded`), not queued: behind idle event
 * streams a queue could wait for hours.
 * NOT checked: that the address is a public one. The operator named it.
 * @throws TypeError for a URL that is none, or has another scheme, credentials or a fragment.
 */
export function createHttpUpstream(options: HttpUpstreamOptions): HttpUpstream {
  const url = parseUpstreamUrl(options.url);
  const limits = { ...HTTP_LIMITS, ...options.limits };
  const pool = new Pool(url.origin, {
    connections: limits.connections,
    pipelining: 1,
    headersTimeout: limits.headersTimeoutMs,
    bodyTimeout: 0, // An idle event stream says nothing for hours.
    connect: { timeout: limits.connectTimeoutMs, ...(options.ca === undefined ? {} : { ca: [options.ca].flat() }) },
  });
  const path = url.pathname + url.search;
  const { headers: given = {} } = options;
  const current = typeof given === "function" ? given : () => given;
  let own = ownHeaders(current());
  // Name, value, name, value: the form that undici takes without making an object of it, at every call.
  const headersOf = (headers: Readonly<Record<string, string>>): string[] => {
    const now = current();
    if (now !== own.from) own = ownHeaders(now);
    const pairs = [...own.pairs];
    const named = namesOfConnection(headers.connection);
    for (const name in headers) {
      const value = headers[name];
      if (value !== undefined && !own.names.has(name) && isEndToEnd(name, named)) pairs.push(name, value);
    }
    return pairs;
  };
  let exchanges = 0;

  return {
    send(request: UpstreamRequest, handler: UpstreamHandler): Exchange {
      if (exchanges >= limits.connections) return refuse(handler);
      const headers = headersOf(request.headers);
      exchanges++;
      const exchange = new HttpExchange(handler, () => {
        exchanges--;
      });
      pool.dispatch({ path, method: request.method, headers, body: request.body ?? null }, exchange);
      return exchange;
    },
    async describe() {
      const { system } = options;
      const more = await options.ownHeaders?.().catch((error: unknown) => {
        throw toUpstreamError(error);
      });
      const withOwn = (headers: Readonly<Record<string, string>>) => headersOf({ ...headers, ...more });
      return describeHttp({ pool, path, headersOf: withOwn, timeoutMs: limits.describeTimeoutMs, system });
    },
    close: () => pool.destroy(),
    stats: () => ({ exchanges, running: pool.stats.running, connected: pool.stats.connected }),
  };
}

/** What every request carries. Lists are read and filtered on the way back, so nobody may encode them. */
function ownHeaders(from: Readonly<Record<string, string>>) {
  const all = { ...from, "accept-encoding": "identity" };
  const names = new Set(Object.keys(all).map((name) => name.toLowerCase()));
  return { from, names, pairs: Object.entries(all).flat() };
}

function parseUpstreamUrl(text: string): URL {
  const url = new URL(text);
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw new TypeError("an upstream URL begins with http: or https:");
  if (url.username !== "" || url.password !== "")
    throw new TypeError("an upstream URL holds no credentials; use headers");
  if (url.hash !== "") throw new TypeError("an upstream URL has no fragment");
  return url;
}

function refuse(handler: UpstreamHandler): Exchange {
  let aborted = false;
  queueMicrotask(() => {
    if (aborted) return;
    handler.onError(new UpstreamError("overloaded", "all connections to the upstream are in use", { retryAfter: 1 }));
  });
  return {
    resume() {},
    abort() {
      aborted = true;
    },
  };
}
