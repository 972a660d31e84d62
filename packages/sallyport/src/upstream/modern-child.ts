import type { Answer } from "./answer.js";
import { type Call, Calls, cancellation, type Sink } from "./calls.js";
import { Host, type HostOptions, startCall } from "./host.js";
import type { Message } from "./messages.js";
import { Reply } from "./reply.js";
import { RequestStates } from "./request-state.js";
import { errorBody } from "./rpc-error.js";

/** Errors of the protocol itself have HTTP statuses of their own in 2026-07-28 (spec.md §2); those of a tool are 200. */
const STATUS_OF_ERROR: Readonly<Record<number, number>> = {
  [-32601]: 404,
  [-32020]: 400,
  [-32021]: 400,
  [-32022]: 400,
};

const FOREIGN_STATE = {
  code: -32602,
  message: "requestState is not one that this caller was given",
  data: { reason: "invalid_request_state" },
};
const NO_SERVER_REQUESTS = { code: -32601, message: "2026-07-28 has no requests from the server (R-162)" };

export interface PostForm {
  /** The client takes an event stream. */
  readonly events: boolean;
  /** Whose request it is, where the child serves several principals: states are bound to him then. */
  readonly principal: string | undefined;
}

/**
 * Stateless requests of 2026-07-28 on one stdio child. Request ids, progress tokens and subscription ids are ours on the pipe and the
 * client's outside, so that several clients of one child stay apart. A disconnect is the cancel.
 */
export class ModernChild {
  readonly host: Host;
  readonly #calls: Calls;
  readonly #states: RequestStates;

  constructor(private readonly options: HostOptions) {
    const { limits } = options;
    this.#states = new RequestStates(options.system);
    this.#calls = new Calls({ open: limits.openRequests, answerMs: limits.answerMs }, (call) =>
      this.host.tell(cancellation(call, "no answer in time")),
    );
    this.host = new Host(options, {
      onMessage: (message) => this.#fromChild(message),
      onExit: (error) => this.#calls.failAll(error),
    });
  }

  /** One POST: a request, or a notification, of which only a cancellation means something between client and server. */
  post(message: Message, answer: Answer, { events, principal }: PostForm): void {
    this.host.adopt(answer);
    if (message.type !== "request") {
      // Cancelling is disconnecting here; other notifications to the server are not part of this revision, but extensions may have some.
      if (message.method !== "notifications/cancelled") this.host.tell(message.rewrite({}));
      answer.empty(202);
      return;
    }
    const { id = "null" } = message;
    const requestState = this.#openState(message, principal);
    if (requestState === null) {
      answer.json(400, errorBody(id, FOREIGN_STATE));
      return;
    }
    const reply = new Reply(answer, { batch: false, events, ids: [id], statusOf });
    const sink = principal === undefined ? reply : this.#bindingStates(reply, principal);
    const call = startCall({ calls: this.#calls, host: this.host, message, sink, replace: { requestState } });
    answer.onLeave = () => {
      if (call !== undefined && this.#calls.remove(call)) this.host.tell(cancellation(call, "the client disconnected"));
    };
  }

  /** The child's own state; `undefined` where there is nothing to open, `null` for one that is not this principal's. */
  #openState({ requestState }: Message, principal: string | undefined): string | undefined | null {
    if (requestState === undefined || principal === undefined) return undefined;
    return this.#states.open(requestState, principal) ?? null;
  }

  #bindingStates(reply: Reply, principal: string): Sink {
    return {
      related: (line) => reply.related(line),
      fail: (error) => reply.fail(error),
      result: (line, message, call) => {
        const { requestState } = message;
        const bound = requestState === undefined ? undefined : this.#states.bind(requestState, principal);
        reply.result(bound === undefined ? line : withClientIds(message, call, bound), message, call);
      },
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

function withClientIds(message: Message, call: Call, requestState?: string): Buffer {
  return message.rewrite({
    id: call.id,
    requestState,
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
