import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Principal, randomToken, type System } from "@sallyport/auth";
import { Pool } from "undici";
import { CredentialError } from "../credentials/credential-error.js";
import { toUpstreamError } from "../http-errors.js";
import { UpstreamError } from "../upstream.js";
import { forward, TooLarge } from "./forwarding.js";
import type { EgressRoute } from "./route.js";
import { parseEgressTarget } from "./target.js";

export interface EgressLimits {
  /** Bytes of one request's body. Default 16 MiB. */
  readonly maxRequestBytes: number;
  /** Bytes of one answer's body. Default 64 MiB. */
  readonly maxResponseBytes: number;
  /** Requests under way for one child's address. Default 64. */
  readonly open: number;
  /** Milliseconds until a connection stands, until the answer begins, and between two parts of it. Defaults 10,000, 60,000 and 60,000. */
  readonly connectMs: number;
  readonly headersMs: number;
  readonly bodyMs: number;
}

const LIMITS: EgressLimits = {
  maxRequestBytes: 16 * 1024 * 1024,
  maxResponseBytes: 64 * 1024 * 1024,
  open: 64,
  connectMs: 10_000,
  headersMs: 60_000,
  bodyMs: 60_000,
};

export interface EgressOptions {
  /** The server whose children use it; its log lines carry it. */
  readonly server: string;
  readonly system: System;
  readonly limits?: Partial<EgressLimits>;
}

/** An address of one child at this listener. */
export interface EgressGrant {
  /** `http://127.0.0.1:<port>/<43 characters>`, without a trailing slash: paths are appended. */
  readonly url: string;
  /** The address is gone, and with it what was under way. Idempotent. */
  withdraw(): void;
}

interface Granted {
  readonly route: EgressRoute;
  readonly principal: Principal | undefined;
  /** What is under way. */
  readonly open: Set<AbortController>;
}

/** How a request is refused: with a reason for whoever writes the child, which names no secret and no address. */
const REFUSALS = {
  not_allowed: [403, "The method or the path is not on the allow-list of this address."],
  ambiguous_path: [400, "The path can be read in more than one way."],
  too_large: [413, "The body is too large."],
  busy: [503, "Too many requests of this address are under way."],
} as const;

/** The token is 256 bits in base64url; what is behind it belongs to the other system. */
const ADDRESS = /^\/([A-Za-z0-9_-]{43})((?:[/?].*)?)$/s;

/**
 * The way out for children that are not to hold a credential: a listener on 127.0.0.1 at which each child has an address of its
 * own. What comes there goes to the one origin of its route, when method and path are allowed, with the one header added. Whoever knows an
 * address may use it, so it lives no longer than its child. NOT checked: bodies and queries, and what the other system says: one that
 * repeats request headers in its answer gives the value away.
 */
export class Egress {
  readonly #limits: EgressLimits;
  readonly #granted = new Map<string, Granted>();
  readonly #pools = new Map<string, Pool>();
  #listening: Promise<Server> | undefined;
  #port = 0;
  #closed = false;

  constructor(private readonly options: EgressOptions) {
    this.#limits = { ...LIMITS, ...options.limits };
  }

  /** Listens, at the first call. @throws UpstreamError `exited` after {@link close}. */
  async start(): Promise<void> {
    if (this.#closed) throw new UpstreamError("exited", "the gateway is ending");
    this.#listening ??= this.#listen();
    await this.#listening;
  }

  /** Addresses that are good now. */
  get size(): number {
    return this.#granted.size;
  }

  /** An address for one child of this principal. {@link start} has settled. */
  grant(route: EgressRoute, principal: Principal | undefined): EgressGrant {
    const token = randomToken(this.options.system, 32);
    const granted: Granted = { route, principal, open: new Set() };
    this.#granted.set(token, granted);
    return {
      url: `http://127.0.0.1:${this.#port}/${token}`,
      withdraw: () => {
        this.#granted.delete(token);
        for (const one of granted.open) one.abort();
      },
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { open } of this.#granted.values()) for (const one of open) one.abort();
    this.#granted.clear();
    const server = await this.#listening?.catch(() => undefined);
    if (server !== undefined) {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    }
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
  }

  #listen(): Promise<Server> {
    const server = createServer((request, response) => void this.#serve(request, response));
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", () => {
        this.#port = (server.address() as AddressInfo).port;
        resolve(server);
      });
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A child that leaves in the middle: nobody reads either of them any more.
    for (const end of [request, response]) end.on("error", () => {});
    const [, token = "", rest = ""] = ADDRESS.exec(request.url ?? "") ?? [];
    const granted = this.#granted.get(token);
    if (granted === undefined) {
      response.writeHead(404, { connection: "close" }).end();
      return;
    }
    const target = parseEgressTarget(rest);
    const { route } = granted;
    if (target === undefined) this.#refuse(response, route, "ambiguous_path");
    else if (!route.allows(request.method ?? "", target)) this.#refuse(response, route, "not_allowed");
    else if (granted.open.size >= this.#limits.open) this.#refuse(response, route, "busy");
    else await this.#forward({ request, response }, granted, target.raw);
  }

  async #forward(
    { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
    granted: Granted,
    path: string,
  ): Promise<void> {
    const { route, principal, open } = granted;
    const over = new AbortController();
    response.once("close", () => over.abort());
    open.add(over);
    try {
      const value = await route.valueFor(principal);
      await forward(request, response, {
        dispatcher: this.#poolOf(route),
        path,
        own: { name: route.header, value },
        maxRequestBytes: this.#limits.maxRequestBytes,
        signal: over.signal,
        onAnswer: (status, headers) => {
          if (status === 401) route.refused(principal, headers);
        },
      });
    } catch (error) {
      if (response.headersSent || over.signal.aborted) response.destroy();
      else if (error instanceof TooLarge) this.#refuse(response, route, "too_large");
      else this.#failed(response, route, error);
    } finally {
      open.delete(over);
      // An answer that could not be handed on must not hold its connection.
      over.abort();
    }
  }

  #poolOf({ origin }: EgressRoute): Pool {
    const known = this.#pools.get(origin);
    if (known !== undefined) return known;
    const { connectMs, headersMs, bodyMs, maxResponseBytes } = this.#limits;
    const pool = new Pool(origin, {
      connections: 256,
      pipelining: 1,
      headersTimeout: headersMs,
      bodyTimeout: bodyMs,
      maxResponseSize: maxResponseBytes,
      connect: { timeout: connectMs },
    });
    this.#pools.set(origin, pool);
    return pool;
  }

  #refuse(response: ServerResponse, route: EgressRoute, reason: keyof typeof REFUSALS): void {
    const [status, text] = REFUSALS[reason];
    this.#log("info", route, reason);
    say(response, status, { error: reason, message: text });
  }

  #failed(response: ServerResponse, route: EgressRoute, error: unknown): void {
    const { kind, message } = toUpstreamError(error);
    const reason = error instanceof CredentialError ? error.reason : kind;
    this.#log("warn", route, `${reason}: ${message}`);
    const text =
      error instanceof CredentialError
        ? "There is no credential for this request."
        : "The other system did not answer.";
    say(response, kind === "timeout" ? 504 : 502, { error: reason, message: text });
  }

  /** Without path and query, which may hold what is personal, and without the address, which opens something. */
  #log(level: "info" | "warn", { name }: EgressRoute, reason: string): void {
    const { system, server } = this.options;
    system.log(level, "egress refused", { server, egress: name, reason });
  }
}

function say(response: ServerResponse, status: number, body: object): void {
  // What is left of the request's body is not read.
  response.writeHead(status, { "content-type": "application/json", connection: "close" });
  response.end(`${JSON.stringify(body)}\n`);
}
