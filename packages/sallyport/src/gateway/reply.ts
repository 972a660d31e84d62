import type { ServerResponse } from "node:http";
import { McpError, OAuthError, type Principal, type Refusal } from "@sallyport/auth";
import { endInOneWrite } from "@sallyport/auth/node";
import { type Exchange, UpstreamError, type UpstreamHandler } from "../upstream/upstream.js";
import type { GatewayServer, Limits } from "./contract.js";
import { EventFilter } from "./event-filter.js";
import { EventIds } from "./event-ids.js";
import type { Cut, Exchanges, OpenExchange } from "./exchanges.js";
import { type JsonRpcId, refusedStatus, retryAfter, toMcpError } from "./failures.js";
import { returnedHeaders } from "./headers.js";
import type { RequestReader } from "./request-reader.js";
import type { Screen } from "./screen.js";

/** What all replies of one server share. */
export interface ReplyContext {
  readonly server: GatewayServer;
  readonly limits: Limits;
  readonly exchanges: Exchanges;
}

export type HeaderRecord = Readonly<Record<string, string>>;
const NONE: HeaderRecord = {};
const EVENT_STREAM = /^text\/event-stream[ \t]*(?:;|$)/i;
const JSON_TYPE = /^application\/json[ \t]*(?:;|$)/i;
const EMPTY = new Uint8Array(0);
/** `node:http` joins a text in the encoding of the head to the head; for larger bodies two buffers cost less than the copy. */
const ONE_WRITE_BYTES = 16 * 1024;
const DECODER = new TextDecoder("utf-8", { fatal: true });

/** Writes a refusal. What the request still sends is thrown away by `node:http`. */
export function sendRefusal(response: ServerResponse, refusal: Refusal, extra: HeaderRecord = NONE): void {
  if (response.headersSent || response.destroyed) return;
  const body = Buffer.from(refusal.body);
  response.writeHead(refusal.status, { ...refusal.headers, ...extra, "content-length": body.length });
  response.end(body);
}

/**
 * The way back of one exchange: from the upstream's answer to the client's socket, with back-pressure. Small answers leave in one write;
 * event streams unbuffered, with their ids sealed; lists are read first. A class, because one is made for every call.
 *
 * `drain` never comes on a response whose client is gone, so the end of everything is `close`: it aborts the upstream exchange, whatever
 * state this is in, and nothing waits for anything else.
 */
export class Reply implements UpstreamHandler, OpenExchange {
  /** Of the one request that is being answered; `null` for batches, notifications and streams. */
  requestId: JsonRpcId = null;
  standing = false;
  place = -1;
  /** Reads one JSON text of the answer and gives what may be shown; `undefined`: nothing has to be read. */
  read: ((text: string) => string) | undefined;
  /** Whether event ids mean anything: 2026-07-28 has no resumption. */
  resumable = true;
  /** Gives what finds the server's requests to the client in this answer; `undefined`: this revision has none. */
  requestReader:
    | ((answer: { readonly made: unknown; readonly events: boolean }) => RequestReader | undefined)
    | undefined;
  /** Judges what the server asks of the client in this answer; part of `read`. */
  screen: Screen | undefined;
  /** A failure that has an answer of its own instead of an error of the gateway; `undefined`: none has. */
  answerTo: ((error: UpstreamError) => Refusal | undefined) | undefined;
  readonly principal: Principal;
  readonly resource: string;

  #phase: "waiting" | "holding" | "collecting" | "flowing" | "over" = "waiting";
  #exchange: Exchange | undefined;
  #status = 0;
  #headers: Record<string, string> = {};
  /** Bytes that the whole answer has: a number when declared, `undefined` when it will show. */
  #declared: number | undefined;
  #json = false;
  #events = false;
  #held: Uint8Array[] | undefined;
  #heldBytes = 0;
  #ids: EventIds | undefined;
  #filter: EventFilter | undefined;
  #requests: RequestReader | undefined;
  #stalled: NodeJS.Timeout | undefined;

  constructor(
    private readonly context: ReplyContext,
    private readonly response: ServerResponse,
    private readonly who: { readonly principal: Principal; readonly cors: HeaderRecord },
  ) {
    this.principal = who.principal;
    this.resource = context.server.resourceServer.resource;
    context.exchanges.add(this);
    response.on("close", () => this.#closed());
  }

  /** The upstream exchange this answers. The client may have gone, or the answer come, while it was being started. */
  attach(exchange: Exchange): void {
    this.#exchange = exchange;
    if (this.#phase === "over") exchange.abort("the exchange is over");
  }

  get over(): boolean {
    return this.#phase === "over";
  }

  onHead(status: number, headers: Readonly<Record<string, string | readonly string[]>>): void {
    if (this.#phase !== "waiting") return;
    const refused = refusedStatus(status, this.requestId);
    if (refused !== undefined) {
      this.refuse(refused);
      return;
    }
    const encoding = headers["content-encoding"];
    if (encoding !== undefined && encoding !== "identity") {
      this.#broken("an encoded answer that nobody asked for");
      return;
    }
    this.#status = status;
    this.#headers = this.#returned(headers);
    const type = this.#headers["content-type"] ?? "";
    const length = headers["content-length"];
    this.#declared = typeof length === "string" ? Number(length) : undefined;
    this.#json = JSON_TYPE.test(type);
    this.#events = EVENT_STREAM.test(type);
    const made = headers["mcp-session-id"];
    if (this.#events || this.#json) this.#requests = this.requestReader?.({ made, events: this.#events });
    if (this.#events) this.#startEvents();
    else this.#phase = this.read === undefined ? "holding" : "collecting";
  }

  onData(chunk: Uint8Array): boolean {
    // Before it is written: nobody can answer what has not been noted.
    this.#requests?.push(chunk);
    if (this.#phase === "flowing") return this.#flow(chunk);
    if (this.#phase === "collecting") return this.#collect(chunk);
    if (this.#phase !== "holding") return true;
    // One chunk that is the whole answer waits for its end, so that head and body leave in one write; nobody can read half a JSON text anyway.
    const whole = this.#declared === undefined ? this.#json : this.#declared === chunk.length;
    if (whole && this.#held === undefined) {
      this.#held = [chunk];
      return true;
    }
    this.#startFlow();
    for (const held of this.#held ?? []) this.response.write(held);
    this.#held = undefined;
    return this.#write(chunk);
  }

  onEnd(): void {
    this.#requests?.end();
    if (this.#phase === "flowing") this.#end();
    else if (this.#phase === "holding") this.#endWith(this.#held?.[0] ?? EMPTY);
    else if (this.#phase === "waiting") this.#broken("an answer without a head");
    else if (this.#phase === "collecting") {
      const text = this.#readWhole();
      if (text !== undefined) this.#endWith(Buffer.from(text));
    }
  }

  onError(error: UpstreamError): void {
    if (this.#phase === "over") return;
    if (this.response.headersSent) {
      this.#destroy();
      return;
    }
    const helpful = this.answerTo?.(error);
    if (helpful === undefined) this.refuse(toMcpError(error, this.requestId), retryAfter(error));
    else this.answer(helpful);
  }

  /** Answers with what `error` means, if nothing has been answered, and ends the upstream exchange. */
  refuse(error: unknown, extra: HeaderRecord = NONE): void {
    const refusal = this.context.server.resourceServer.refuse(error, { id: this.requestId });
    this.answer(refusal, extra);
  }

  /** The same for a refusal that is made already. */
  answer(refusal: Refusal, extra: HeaderRecord = NONE): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    this.#exchange?.abort("refused");
    if (this.response.headersSent) this.response.destroy();
    else sendRefusal(this.response, refusal, { ...this.who.cors, ...extra });
  }

  cut(why: Cut): void {
    if (this.#phase === "over") return;
    if (!this.response.headersSent) {
      this.refuse(CUT[why](this.requestId));
      return;
    }
    this.#exchange?.abort(why);
    // A whole event stream may end anywhere; any other answer would look complete when it is not.
    if (this.#events && this.response.writableLength === 0) this.#end();
    else this.#destroy();
  }

  #returned(headers: Readonly<Record<string, string | readonly string[]>>): Record<string, string> {
    const returned = returnedHeaders(headers);
    const session = headers["mcp-session-id"];
    if (typeof session === "string") returned["mcp-session-id"] = this.#seal("session", session);
    returned["cache-control"] = "no-store";
    return Object.assign(returned, this.who.cors);
  }

  #seal(kind: "session" | "event", id: string): string {
    const { identifiers, resourceServer } = this.context.server;
    return identifiers.sealId({ kind, server: resourceServer.server }, id, this.principal);
  }

  #startEvents(): void {
    if (this.resumable) this.#ids = new EventIds((id) => this.#seal("event", id));
    const { read } = this;
    if (read !== undefined) this.#filter = new EventFilter(read, this.context.limits.listBytes);
    // RFC 9111 §5.2.2.7: nobody may hold events back to compress them.
    this.#headers["cache-control"] = "no-store, no-transform";
    this.#startFlow();
    this.response.flushHeaders();
  }

  #startFlow(): void {
    this.#phase = "flowing";
    if (!this.#events && this.#declared !== undefined) this.#headers["content-length"] = String(this.#declared);
    this.response.writeHead(this.#status, this.#headers);
  }

  #flow(chunk: Uint8Array): boolean {
    try {
      let bytes = chunk;
      if (this.#filter !== undefined) bytes = this.#filter.push(bytes);
      if (this.#ids !== undefined) bytes = this.#ids.push(bytes);
      return bytes.length === 0 || this.#write(bytes);
    } catch {
      this.#exchange?.abort("an event that cannot be read");
      this.#destroy();
      return true;
    }
  }

  #collect(chunk: Uint8Array): boolean {
    this.#heldBytes += chunk.length;
    if (this.#heldBytes > this.context.limits.listBytes) this.#broken("a list that is too large");
    else if (this.#held === undefined) this.#held = [chunk];
    else this.#held.push(chunk);
    return true;
  }

  #readWhole(): string | undefined {
    const bytes = Buffer.concat(this.#held ?? []);
    // An upstream's own error page or an empty 202 holds no list; anything else that cannot be read is not shown.
    if (bytes.length === 0) return "";
    try {
      const text = DECODER.decode(bytes);
      if (!this.#json && this.#status >= 400) return text;
      return this.read?.(text) ?? text;
    } catch {
      this.#broken("a list that cannot be read");
      return undefined;
    }
  }

  #write(bytes: Uint8Array): boolean {
    if (this.response.write(bytes)) return true;
    if (this.#stalled !== undefined) return false;
    this.#watch();
    this.response.once("drain", () => {
      clearTimeout(this.#stalled);
      this.#stalled = undefined;
      this.#exchange?.resume();
    });
    return false;
  }

  /** A client that takes nothing any more holds its slot no longer than this. */
  #watch(): void {
    this.#stalled = setTimeout(() => this.response.destroy(), this.context.limits.stalledClientMs);
    this.#stalled.unref();
  }

  #endWith(body: Uint8Array): void {
    if (this.#status !== 204) this.#headers["content-length"] = String(body.length);
    this.#phase = "over";
    this.response.writeHead(this.#status, this.#headers);
    if (body.length > ONE_WRITE_BYTES) this.response.end(body);
    else endInOneWrite(this.response, latin1(body), "latin1");
    if (this.response.writableLength > 0) this.#watch();
  }

  #end(): void {
    this.#phase = "over";
    this.response.end();
    if (this.response.writableLength > 0 && this.#stalled === undefined) this.#watch();
  }

  #destroy(): void {
    this.#phase = "over";
    this.response.destroy();
  }

  #broken(what: string): void {
    this.#exchange?.abort(what);
    const error = new UpstreamError("protocol", what);
    if (this.response.headersSent) this.#destroy();
    else this.refuse(toMcpError(error, this.requestId));
  }

  #closed(): void {
    clearTimeout(this.#stalled);
    this.context.exchanges.delete(this);
    if (this.#phase === "over") return;
    this.#phase = "over";
    this.#exchange?.abort("the client is gone");
  }
}

/** A character for each byte. */
function latin1({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString("latin1");
}

const CUT: Readonly<Record<Cut, (id: JsonRpcId) => Error>> = {
  revoked: () => new OAuthError("token_revoked"),
  expired: () => new OAuthError("token_expired"),
  stale: () => new OAuthError("liveness_unknown"),
  closing: (id) => new McpError(503, -32603, "The gateway is shutting down. Try again.", { id, reason: "closing" }),
};
