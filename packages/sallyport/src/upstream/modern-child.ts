import type { Answer } from "./answer.js";
import { type Call, Calls, cancellation } from "./calls.js";
import { Host, type HostOptions, startCall } from "./host.js";
import type { Message } from "./messages.js";
import { Reply } from "./reply.js";
import { errorBody } from "./rpc-error.js";

/** Errors of the protocol itself have HTTP statuses of their own in 2026-07-28 (spec.md §2); those of a tool are 200. */
const STATUS_OF_ERROR: Readonly<Record<number, number>> = {
  [-32601]: 404,
  [-32020]: 400,
  [-32021]: 400,
  [-32022]: 400,
};

const NO_SERVER_REQUESTS = { code: -32601, message: "2026-07-28 has no requests from the server (R-162)" };

/**
 * Stateless requests of 2026-07-28 on one stdio child. Request ids, progress tokens and subscription ids are ours on the pipe and the
 * client's outside, so that several clients of one child stay apart. A disconnect is the cancel.
 */
export class ModernChild {
  readonly host: Host;
  readonly #calls: Calls;

  constructor(private readonly options: HostOptions) {
    const { limits } = options;
    this.#calls = new Calls({ open: limits.openRequests, answerMs: limits.answerMs }, (call) =>
      this.host.tell(cancellation(call, "no answer in time")),
    );
    this.host = new Host(options, {
      onMessage: (message) => this.#fromChild(message),
      onExit: (error) => this.#calls.failAll(error),
    });
  }

  /** One POST: a request, or a notification, of which only a cancellation means something between client and server. */
  post(message: Message, answer: Answer, events: boolean): void {
    this.host.adopt(answer);
    if (message.type !== "request") {
      // Cancelling is disconnecting here; other notifications to the server are not part of this revision, but extensions may have some.
      if (message.method !== "notifications/cancelled") this.host.tell(message.rewrite({}));
      answer.empty(202);
      return;
    }
    const reply = new Reply(answer, { batch: false, events, ids: [message.id ?? "null"], statusOf });
    const call = startCall({ calls: this.#calls, host: this.host, message, sink: reply });
    answer.onLeave = () => {
      if (call !== undefined && this.#calls.remove(call)) this.host.tell(cancellation(call, "the client disconnected"));
    };
  }

  #fromChild(message: Message): void {
    if (message.type === "response") this.#answered(message);
    else if (message.type === "request") this.host.tell(errorBody(message.id ?? "null", NO_SERVER_REQUESTS));
    else this.#notified(message);
  }

  #notified(message: Message): void {
    const call = this.#callOf(message);
    if (call === undefined) return;
    this.#calls.alive(call);
    call.sink.related(withClientIds(message, call));
  }

  #answered(message: Message): void {
    const call = this.#calls.find(message.id);
    if (call !== undefined && this.#calls.remove(call)) call.sink.result(withClientIds(message, call), message, call);
  }

  /** Whose notification it is. One that names no request (a log line) can only be placed where a single one is open, and never in a shared child. */
  #callOf(message: Message): Call | undefined {
    const named = message.subscriptionId ?? message.progressToken ?? message.requestId;
    if (named !== undefined) return this.#calls.find(named);
    return this.options.pausable ? this.#calls.only() : undefined;
  }
}

function withClientIds(message: Message, call: Call): Buffer {
  return message.rewrite({
    id: call.id,
    subscriptionId: call.id,
    requestId: call.id,
    ...(call.progressToken === undefined ? {} : { progressToken: call.progressToken }),
  });
}

function statusOf(line: Buffer, message: Message): number {
  if (!message.isError) return 200;
  const { error } = JSON.parse(line.toString("utf8"));
  return STATUS_OF_ERROR[Number(error?.code)] ?? 200;
}
