import type { Message, Texts } from "./messages.js";
import { UpstreamError } from "./upstream.js";

/** Where the answer of a call goes, and what the child says about it on the way. Lines carry the client's ids again. */
export interface Sink {
  /** A notification or request that belongs to the call. */
  related(line: Buffer): void;
  /** The answer: the last line of this call. */
  result(line: Buffer, message: Message, call: Call): void;
  fail(error: UpstreamError): void;
}

export interface Call {
  /** Our id of it on the pipe, and its progress token there. */
  readonly number: number;
  readonly method: string;
  /** The client's id and progress token, as JSON text. */
  readonly id: string;
  readonly progressToken: string | undefined;
  readonly sink: Sink;
}

export interface CallStart {
  readonly message: Message;
  readonly sink: Sink;
  /** Instead of the limit's. */
  readonly answerMs?: number;
  /** Further texts to exchange. */
  readonly replace?: Texts;
}

/**
 * The open requests of one child. Each gets a number of ours for an id, so that equal ids of two requests never collide and nobody can
 * name a request that is not his (spec.md §2, "stdio upstream").
 */
export class Calls {
  readonly #open = new Map<number, { readonly call: Call; timer: NodeJS.Timeout | undefined }>();
  #next = 1;

  /** @param limits `open`: requests at the same time; `answerMs`: until the first sign of life of each; `onTimeout` hears of those that gave none. */
  constructor(
    private readonly limits: { readonly open: number; readonly answerMs: number },
    private readonly onTimeout: (call: Call) => void,
  ) {}

  get size(): number {
    return this.#open.size;
  }

  /** Enters a request and gives its line for the child. @throws UpstreamError `overloaded` when too many are open. */
  start({ message, sink, answerMs = this.limits.answerMs, replace }: CallStart): {
    readonly call: Call;
    readonly line: Buffer;
  } {
    if (this.#open.size >= this.limits.open) {
      throw new UpstreamError("overloaded", "too many requests are open at this server", { retryAfter: 1 });
    }
    const number = this.#next++;
    const { id = "null", method = "", progressToken } = message;
    const call: Call = { number, method, id, progressToken, sink };
    const timer = setTimeout(() => this.#timeOut(call), answerMs);
    timer.unref();
    this.#open.set(number, { call, timer });
    return { call, line: message.rewrite({ ...replace, id: String(number), progressToken: String(number) }) };
  }

  /** The call that a child means by this JSON text, if it is open. Any number notation counts; a string never does. */
  find(number: string | undefined): Call | undefined {
    return number === undefined ? undefined : this.#open.get(Number(number))?.call;
  }

  /** The newest open call with this id of the client's, among those that `mine` accepts. */
  findByClientId(id: string, mine: (call: Call) => boolean = () => true): Call | undefined {
    let found: Call | undefined;
    for (const { call } of this.#open.values()) if (call.id === id && mine(call)) found = call;
    return found;
  }

  /** The child has begun to speak about this call: it may take as long as it likes from here. */
  alive(call: Call): void {
    const entry = this.#open.get(call.number);
    clearTimeout(entry?.timer);
  }

  /** The only open call, if there is exactly one. */
  only(): Call | undefined {
    if (this.#open.size !== 1) return undefined;
    for (const { call } of this.#open.values()) return call;
    return undefined;
  }

  remove(call: Call): boolean {
    clearTimeout(this.#open.get(call.number)?.timer);
    return this.#open.delete(call.number);
  }

  failAll(error: UpstreamError): void {
    for (const { call } of [...this.#open.values()]) {
      this.remove(call);
      call.sink.fail(error);
    }
  }

  #timeOut(call: Call): void {
    this.remove(call);
    call.sink.fail(new UpstreamError("timeout", "the server did not answer in time"));
    this.onTimeout(call);
  }
}

/** Tells a child that nobody waits any longer for this call. */
export function cancellation(call: Call, reason: string): Buffer {
  const params = { requestId: call.number, reason };
  return Buffer.from(JSON.stringify({ jsonrpc: "2.0", method: "notifications/cancelled", params }));
}
