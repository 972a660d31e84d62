import type { ServerResponse } from "node:http";
import type { HeaderLookup, Judged, System } from "@sallyport/auth";
import type { Arrival, Judgement, RequestObserver, RequestWatch } from "../gateway/watch.js";
import type { UpstreamError, UpstreamHandler } from "../upstream/upstream.js";
import { type ErrorType, errorTypeOf, type Observed, observe } from "./observed.js";

/** How one request ended. Durations in milliseconds. */
export interface Ended {
  readonly status: number;
  readonly durationMs: number;
  readonly error: ErrorType | undefined;
}

/** How the upstream's part of it ended. */
export interface UpstreamEnded {
  /** Until the head of the answer, or the failure. */
  readonly headMs: number;
  readonly error: UpstreamError["kind"] | undefined;
}

/** One request on its way, as a sink follows it. Nothing here throws. */
export interface Following {
  /** The upstream is asked. Trace context may be put into `headers`. */
  sending?(headers: Record<string, string>): void;
  upstreamEnded?(ended: UpstreamEnded): void;
  ended(ended: Ended): void;
}

/** Where observations go: spans, metrics of one kind or another. */
export interface Sink {
  /** A request was judged. `undefined`: it is not followed. */
  judged(
    observed: Observed,
    judged: readonly Judged[],
    place: { readonly header: HeaderLookup; readonly judgement: Judgement; readonly receivedMs: number },
  ): Following | undefined;
  /** What the server asked of the client was judged. */
  asked?(server: string, judged: readonly Judged[]): void;
  /** An event stream began; what is returned is called when it is over. */
  streaming?(server: string): () => void;
  /** Every request, also those that were refused before they were judged. */
  answered?(server: string, status: number): void;
}

export interface ObserverOptions {
  /** As labels name the server. */
  readonly server: string;
  readonly system: Pick<System, "monotonicMs">;
  readonly sinks: readonly Sink[];
  /** Bounded: see `tool-labels.ts`. */
  toolLabel(name: string): string;
  /** Told whenever the upstream has answered, or has failed to. */
  onUpstream?(error: UpstreamError["kind"] | undefined): void;
}

export function createObserver(options: ObserverOptions): RequestObserver {
  return { begin: (arrival, response) => new Watch(options, arrival, response) };
}

/** One request. A class, because one is made for every call. */
class Watch implements RequestWatch {
  #observed: Observed | undefined;
  #following: readonly Following[] = [];
  #upstream: WatchedHandler | undefined;

  constructor(
    private readonly options: ObserverOptions,
    private readonly arrival: Arrival,
    private readonly response: ServerResponse,
  ) {
    response.once("close", () => this.#over());
  }

  judged(judgement: Judgement): void {
    const { options, arrival } = this;
    const observed = observe(options.server, judgement, options.toolLabel);
    const place = { header: arrival.headers.lookup, judgement, receivedMs: arrival.receivedMs };
    this.#observed = observed;
    this.#following = options.sinks.flatMap((sink) => sink.judged(observed, judgement.judged, place) ?? []);
  }

  asked(judged: readonly Judged[]): void {
    const { sinks, server } = this.options;
    for (const sink of sinks) sink.asked?.(server, judged);
  }

  sending(headers: Record<string, string>, handler: UpstreamHandler): UpstreamHandler {
    for (const one of this.#following) one.sending?.(headers);
    this.#upstream = new WatchedHandler(handler, this.options, this.#following);
    return this.#upstream;
  }

  #over(): void {
    const { options, response, arrival } = this;
    const status = response.headersSent ? response.statusCode : 0;
    for (const sink of options.sinks) sink.answered?.(options.server, status);
    this.#upstream?.left();
    if (this.#observed === undefined) return;
    const failed = this.#upstream?.error;
    const error =
      errorTypeOf(this.#observed) ??
      (failed === undefined
        ? status >= 400
          ? (`http_${status}` as const)
          : undefined
        : (`upstream_${failed}` as const));
    const ended = { status, durationMs: options.system.monotonicMs() - arrival.receivedMs, error };
    for (const one of this.#following) one.ended(ended);
  }
}

const EVENT_STREAM = /^text\/event-stream/i;

/** Hears what the upstream answers, and hands it on. */
class WatchedHandler implements UpstreamHandler {
  error: UpstreamError["kind"] | undefined;
  readonly #sentMs: number;
  #headMs: number | undefined;
  #streams: readonly (() => void)[] = [];
  #over = false;

  constructor(
    private readonly handler: UpstreamHandler,
    private readonly options: ObserverOptions,
    private readonly following: readonly Following[],
  ) {
    this.#sentMs = options.system.monotonicMs();
  }

  onHead(status: number, headers: Readonly<Record<string, string | readonly string[]>>): void {
    const { sinks, server, system } = this.options;
    this.#headMs = system.monotonicMs() - this.#sentMs;
    this.options.onUpstream?.(undefined);
    if (EVENT_STREAM.test(String(headers["content-type"] ?? ""))) {
      this.#streams = sinks.flatMap((sink) => sink.streaming?.(server) ?? []);
    }
    this.handler.onHead(status, headers);
  }

  onData(chunk: Uint8Array): boolean {
    return this.handler.onData(chunk);
  }

  onEnd(): void {
    this.left();
    this.handler.onEnd();
  }

  onError(error: UpstreamError): void {
    this.error = error.kind;
    this.options.onUpstream?.(error.kind);
    this.left();
    this.handler.onError(error);
  }

  /** Nothing comes any more, because it has ended or because nobody waits. */
  left(): void {
    if (this.#over) return;
    this.#over = true;
    for (const end of this.#streams) end();
    const headMs = this.#headMs ?? this.options.system.monotonicMs() - this.#sentMs;
    for (const one of this.following) one.upstreamEnded?.({ headMs, error: this.error });
  }
}
