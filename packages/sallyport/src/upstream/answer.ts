import { formatEvent, KEEP_ALIVE } from "./sse.js";
import { UpstreamError, type UpstreamHandler } from "./upstream.js";

type AnswerHeaders = Readonly<Record<string, string>>;

const EVENT_STREAM: AnswerHeaders = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
};

/** Bytes that may wait in an answer whose client does not read, where its child must not be paused for it. Default 4 MiB. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

/**
 * The HTTP answer to one request of a client, made from what a child says: nothing yet, one JSON body, or an event stream.
 * Once it is over (ended, failed, or left by the client) every call does nothing.
 */
export class Answer {
  #state: "waiting" | "events" | "over" = "waiting";
  #paused = false;
  #waitingBytes = 0;

  /** Told when the client's side fills or empties. */
  onFlow: () => void = nothing;
  /** Told once, when nothing more will be written. */
  onOver: () => void = nothing;
  /** Told when the client is gone before the answer was over, after {@link onOver}. */
  onLeave: () => void = nothing;

  /** `onClosed` is told after {@link onOver}: for whoever made the answer, where that one is for whoever writes it. */
  constructor(
    private readonly handler: UpstreamHandler,
    private readonly onClosed: (answer: Answer) => void,
  ) {}

  get over(): boolean {
    return this.#state === "over";
  }

  get waiting(): boolean {
    return this.#state === "waiting";
  }

  get paused(): boolean {
    return this.#paused && this.#state === "events";
  }

  json(status: number, body: Uint8Array | string, headers: AnswerHeaders = {}): void {
    if (this.#state !== "waiting") return;
    const bytes = Buffer.from(body);
    this.handler.onHead(status, {
      "content-type": "application/json",
      "content-length": String(bytes.length),
      ...headers,
    });
    this.handler.onData(bytes);
    this.end();
  }

  empty(status: number, headers: AnswerHeaders = {}): void {
    if (this.#state !== "waiting") return;
    this.handler.onHead(status, { "content-length": "0", ...headers });
    this.end();
  }

  openEvents(headers: AnswerHeaders = {}): void {
    if (this.#state !== "waiting") return;
    this.#state = "events";
    this.handler.onHead(200, { ...EVENT_STREAM, ...headers });
  }

  /** Writes one event, after the head of an event stream where there is none yet. */
  event(data: Uint8Array, id?: string): void {
    this.openEvents();
    this.#write(formatEvent(data, id));
  }

  keepAlive(): void {
    if (this.#state === "events" && !this.#paused) this.#write(KEEP_ALIVE);
  }

  end(): void {
    if (this.#state === "over") return;
    this.#finish();
    this.handler.onEnd();
  }

  fail(error: UpstreamError): void {
    if (this.#state === "over") return;
    this.#finish();
    this.handler.onError(error);
  }

  /** The client is gone: the handler hears nothing more. */
  leave(): void {
    if (this.#state === "over") return;
    this.#finish();
    this.onLeave();
  }

  resume(): void {
    this.#paused = false;
    this.#waitingBytes = 0;
    this.onFlow();
  }

  #write(bytes: Uint8Array): void {
    if (this.#state !== "events") return;
    if (this.#paused) this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > MAX_WAITING_BYTES) {
      this.fail(new UpstreamError("overloaded", "the client does not read its stream"));
      return;
    }
    if (this.handler.onData(bytes) || this.#paused) return;
    this.#paused = true;
    this.onFlow();
  }

  #finish(): void {
    this.#state = "over";
    this.onOver();
    this.onClosed(this);
  }
}

/** Whether an Accept header takes an event stream. Quality values are not weighed: MCP clients name what they take. */
export function takesEvents(accept = ""): boolean {
  return accept.includes("text/event-stream") || accept.includes("*/*");
}

function nothing(): void {}
