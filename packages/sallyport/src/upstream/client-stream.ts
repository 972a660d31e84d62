import type { Answer } from "./answer.js";
import type { Message } from "./messages.js";
import type { Replay } from "./replay.js";
import type { Reply } from "./reply.js";
import { errorBody } from "./rpc-error.js";

export interface ClientStreamOptions {
  readonly replay: Replay;
  /** Number of this stream in the replay buffer. */
  readonly stream: number;
  readonly graceMs: number;
  /** The reply of the only POST whose stream is open, if there is exactly one. */
  onlyReply(): Reply | undefined;
  /** Writes an answer of ours to the child. */
  answer(line: Buffer): void;
}

/** Requests of the server that may wait for the client's answer; beyond them the oldest is forgotten. */
const MAX_AWAITED = 256;
const NO_STREAM = { code: -32000, message: "the client has no stream open for requests of the server" };

/**
 * What a legacy server says of its own accord: to the stream of the client's GET, else (requests and log lines) to the only open POST stream.
 * Without either it waits in the replay buffer for a GET; a request waits `graceMs` for one and is then answered with an error.
 */
export class ClientStream {
  readonly #awaited = new Map<string, NodeJS.Timeout | undefined>();
  #answer: Answer | undefined;
  /** Sequence of the last event that went out on the standalone stream. */
  #sent = 0;

  constructor(private readonly options: ClientStreamOptions) {}

  /** Attaches the answer to a GET and sends what it has missed. A stream that was open ends: its client has come back on a new connection. */
  open(answer: Answer, afterSequence = this.#sent): void {
    this.#answer?.end();
    this.#answer = answer;
    answer.openEvents();
    answer.keepAlive();
    for (const event of this.options.replay.after(this.options.stream, afterSequence)) {
      answer.event(event.line, event.id);
      this.#sent = Math.max(this.#sent, event.sequence);
    }
    for (const id of this.#awaited.keys()) this.#wait(id, undefined);
  }

  send(message: Message): void {
    if (message.id !== undefined) this.#wait(message.id, undefined);
    const line = message.rewrite({});
    if (this.#answer !== undefined && !this.#answer.over) {
      const id = this.options.replay.record(this.options.stream, line);
      this.#sent = this.options.replay.parse(id)?.sequence ?? this.#sent;
      this.#answer.event(line, id);
      return;
    }
    const reply = mayRide(message) ? this.options.onlyReply() : undefined;
    if (reply !== undefined) reply.related(line);
    else this.#keep(message, line);
  }

  /** A request of the server with this id waits for the client's answer. */
  awaits(id: string | undefined): boolean {
    return id !== undefined && this.#awaited.has(id);
  }

  settled(id: string | undefined): void {
    if (id === undefined) return;
    clearTimeout(this.#awaited.get(id));
    this.#awaited.delete(id);
  }

  close(): void {
    for (const timer of this.#awaited.values()) clearTimeout(timer);
    this.#awaited.clear();
    this.#answer?.end();
  }

  #keep(message: Message, line: Buffer): void {
    // A server that asks whether anybody is there: the session is.
    if (message.method === "ping") {
      this.settled(message.id);
      this.options.answer(Buffer.from(`{"jsonrpc":"2.0","id":${message.id ?? "null"},"result":{}}`));
      return;
    }
    const event = this.options.replay.record(this.options.stream, line);
    const { id } = message;
    if (id === undefined) return;
    const timer = setTimeout(() => {
      this.options.replay.withdraw(event);
      this.settled(id);
      this.options.answer(errorBody(id, NO_STREAM));
    }, this.options.graceMs);
    timer.unref();
    this.#wait(id, timer);
  }

  #wait(id: string, timer: NodeJS.Timeout | undefined): void {
    clearTimeout(this.#awaited.get(id));
    this.#awaited.set(id, timer);
    const [oldest] = this.#awaited.keys();
    if (this.#awaited.size > MAX_AWAITED) this.settled(oldest);
  }
}

/** Requests and log lines most likely belong to the one call that is running; news of lists and resources to none, so they wait for a GET. */
function mayRide({ type, method }: Message): boolean {
  return type === "request" || method === "notifications/message" || method === "notifications/cancelled";
}
