import type { Answer } from "./answer.js";
import { Calls, cancellation, type Sink } from "./calls.js";
import { ClientStream } from "./client-stream.js";
import { attempt, Host, type HostOptions, startCall } from "./host.js";
import type { Message } from "./messages.js";
import { Replay } from "./replay.js";
import { Reply } from "./reply.js";
import { refuse, type TransportError } from "./rpc-error.js";

export interface LegacyOptions extends HostOptions {
  /** The session id, visible ASCII. */
  readonly id: string;
  /** The principal whose session it is. */
  readonly owner: string;
  /** What its child was started with, see {@link Provision.mark}. */
  readonly mark: string;
}

/** The stream of a GET. Streams of POSTs count from 1. */
const STANDALONE = 0;

/**
 * The server side of Streamable HTTP, revisions 2025-03-26 to 2025-11-25, for one client session on one stdio child.
 * A client that disconnects has not cancelled: an answer that began as an event stream can be had again with Last-Event-ID.
 */
export class LegacySession {
  readonly host: Host;
  readonly #calls: Calls;
  readonly #replay: Replay;
  readonly #replies = new Map<number, Reply>();
  readonly #toClient: ClientStream;
  #lastStream = STANDALONE;

  constructor(readonly options: LegacyOptions) {
    const { limits } = options;
    this.#replay = new Replay({ events: limits.replayEvents, bytes: limits.replayBytes });
    this.#calls = new Calls({ open: limits.openRequests, answerMs: limits.answerMs }, (call) =>
      this.host.tell(cancellation(call, "no answer in time")),
    );
    this.#toClient = new ClientStream({
      replay: this.#replay,
      stream: STANDALONE,
      graceMs: limits.streamGraceMs,
      onlyReply: () => this.#onlyOpenReply(),
      answer: (line) => this.host.tell(line),
    });
    this.host = new Host(options, {
      onMessage: (message) => this.#fromChild(message),
      onExit: (error) => {
        this.#calls.failAll(error);
        this.#toClient.close();
      },
    });
  }

  /** Sends `initialize` and answers it with the session id. A server that refuses, stays silent or loses its client leaves no session. */
  initialize(message: Message, answer: Answer): void {
    const stop = () => void this.host.stop();
    this.host.adopt(answer);
    answer.onLeave = stop;
    const sink: Sink = {
      related: () => {},
      result: (line, { isError }) => {
        answer.json(200, line, isError ? {} : { "mcp-session-id": this.options.id });
        if (isError) stop();
      },
      fail: (error) => {
        answer.fail(error);
        stop();
      },
    };
    startCall({ calls: this.#calls, host: this.host, message, sink, answerMs: this.options.limits.startMs });
  }

  post(
    messages: readonly Message[],
    answer: Answer,
    form: { readonly batch: boolean; readonly events: boolean },
  ): void {
    this.host.adopt(answer);
    const refusal = this.#refusalOf(messages);
    if (refusal !== undefined) {
      refuse(answer, refusal);
      return;
    }
    const requests = messages.filter((message) => message.type === "request");
    const reply = this.#reply(answer, { ...form, ids: requests.map(({ id = "null" }) => id) });
    for (const message of messages) this.#forward(message, reply, answer);
    if (requests.length === 0) answer.empty(202);
  }

  get(answer: Answer, lastEventId: string | undefined): void {
    this.host.adopt(answer);
    const event = lastEventId === undefined ? undefined : this.#replay.parse(lastEventId);
    if (lastEventId === undefined) this.#toClient.open(answer);
    else if (event === undefined) refuse(answer, "noSuchEvent");
    else if (event.stream === STANDALONE) this.#toClient.open(answer, event.sequence);
    else this.#resume(answer, event);
  }

  /** R-34 is the gateway's: it hands on event ids only to the principal who got them. */
  #resume(answer: Answer, event: { readonly stream: number; readonly sequence: number }): void {
    answer.openEvents();
    for (const { line, id } of this.#replay.after(event.stream, event.sequence)) answer.event(line, id);
    const reply = this.#replies.get(event.stream);
    if (reply === undefined) answer.end();
    else reply.attach(answer);
  }

  #refusalOf(messages: readonly Message[]): TransportError | undefined {
    if (messages.length === 0) return "empty";
    if (messages.some(({ method }) => method === "initialize")) return "initializeAlone";
    const responses = messages.filter(({ type }) => type === "response");
    return responses.every(({ id }) => this.#toClient.awaits(id)) ? undefined : "notAwaited";
  }

  #reply(answer: Answer, options: { batch: boolean; events: boolean; ids: readonly string[] }): Reply {
    const stream = ++this.#lastStream;
    const reply = new Reply(answer, { ...options, record: (line) => this.#replay.record(stream, line) });
    if (!reply.done) this.#replies.set(stream, reply);
    reply.onDone = () => this.#replies.delete(stream);
    return reply;
  }

  #forward(message: Message, reply: Reply, answer: Answer): void {
    if (message.type === "request") {
      startCall({ calls: this.#calls, host: this.host, message, sink: reply });
    } else if (message.method === "notifications/cancelled") {
      const call = message.requestId === undefined ? undefined : this.#calls.findByClientId(message.requestId);
      // The child's answer, should one still come, finds its call: a cancelled request may be answered.
      if (call !== undefined) this.host.tell(message.rewrite({ requestId: String(call.number) }));
    } else {
      if (message.type === "response") this.#toClient.settled(message.id);
      attempt(
        () => this.host.write(message.rewrite({})),
        (error) => answer.fail(error),
      );
    }
  }

  #fromChild(message: Message): void {
    if (message.type === "response") {
      const call = this.#calls.find(message.id);
      if (call === undefined || !this.#calls.remove(call)) return;
      call.sink.result(message.rewrite({ id: call.id }), message, call);
    } else if (message.method === "notifications/progress") {
      const call = this.#calls.find(message.progressToken);
      if (call?.progressToken === undefined) return;
      this.#calls.alive(call);
      call.sink.related(message.rewrite({ progressToken: call.progressToken }));
    } else {
      this.#toClient.send(message);
    }
  }

  #onlyOpenReply(): Reply | undefined {
    const open = [...this.#replies.values()].filter((reply) => reply.open);
    return open.length === 1 ? open[0] : undefined;
  }
}
