import type { Answer } from "./answer.js";
import type { Call, Sink } from "./calls.js";
import type { Message } from "./messages.js";
import { errorBody } from "./rpc-error.js";
import type { UpstreamError } from "./upstream.js";

export interface ReplyOptions {
  readonly batch: boolean;
  /** Ids of the requests in the POST, as JSON text. */
  readonly ids: readonly string[];
  /** The client takes an event stream. */
  readonly events: boolean;
  /** Keeps an event so that it can be replayed, and gives its id; without it events have none (2026-07-28). */
  record?(line: Buffer): string;
  /** HTTP status of a JSON answer. Default 200. */
  statusOf?(line: Buffer, message: Message): number;
}

/**
 * The answer to one POST: JSON when its last response comes before anything else, else an event stream. In a batch (2025-03-26) the responses
 * are collected into one array, or come as one event each.
 * When the client leaves, a reply that has begun as an event stream goes on into the replay buffer until the last response.
 */
export class Reply implements Sink {
  readonly #pending: string[];
  readonly #lines: Buffer[] = [];
  #streaming = false;
  /** Told once, when the last response (or a failure) has gone out. */
  onDone: () => void = () => {};

  constructor(
    private answer: Answer,
    private readonly options: ReplyOptions,
  ) {
    this.#pending = [...options.ids];
  }

  get done(): boolean {
    return this.#pending.length === 0;
  }

  /** An event stream of it can take a message that belongs to no request. */
  get open(): boolean {
    return this.options.events && !this.done && !this.answer.over;
  }

  /** Goes on at another answer: the client has come back with Last-Event-ID. */
  attach(answer: Answer): void {
    this.answer = answer;
  }

  related(line: Buffer): void {
    if (!this.options.events || (this.answer.over && !this.#streaming)) return;
    this.#startEvents();
    this.#event(line);
  }

  result(line: Buffer, message: Message, call: Call): void {
    this.#settle(call.id);
    if (this.#streaming) this.#event(line);
    else this.#lines.push(line);
    if (!this.done) return;
    if (this.#streaming) this.answer.end();
    else this.#answerJson(line, message);
    this.onDone();
  }

  /** The child is gone or silent: an error of the gateway before the head, an error answer to each open request after it. */
  fail(error: UpstreamError): void {
    if (this.#streaming) {
      for (const id of this.#pending) this.#event(errorBody(id, { code: -32603, message: error.message }));
      this.answer.end();
    } else {
      this.answer.fail(error);
    }
    this.#pending.length = 0;
    this.onDone();
  }

  #startEvents(): void {
    if (this.#streaming) return;
    this.#streaming = true;
    for (const line of this.#lines.splice(0)) this.#event(line);
  }

  #event(line: Buffer): void {
    this.answer.event(line, this.options.record?.(line));
  }

  #settle(id: string): void {
    const at = this.#pending.indexOf(id);
    if (at !== -1) this.#pending.splice(at, 1);
  }

  #answerJson(line: Buffer, message: Message): void {
    if (!this.options.batch) {
      this.answer.json(this.options.statusOf?.(line, message) ?? 200, line);
      return;
    }
    const array = this.#lines.flatMap((one, index) => [Buffer.from(index === 0 ? "[" : ","), one]);
    this.answer.json(200, Buffer.concat([...array, Buffer.from("]")]));
  }
}
