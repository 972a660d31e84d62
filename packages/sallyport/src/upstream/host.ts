import type { System } from "@sallyport/auth";
import type { Answer } from "./answer.js";
import type { Call, CallStart, Calls } from "./calls.js";
import { Child, type ChildCommand } from "./child.js";
import { type Message, readMessages } from "./messages.js";
import type { StdioLimits } from "./stdio-limits.js";
import { UpstreamError } from "./upstream.js";

export interface HostOptions {
  readonly command: ChildCommand;
  readonly limits: StdioLimits;
  readonly system: System;
  readonly idleMs: number;
  /** A reader who stalls stops the child (it is his alone); `false` where several principals share it. */
  readonly pausable: boolean;
}

/** How long a child that is not to be used any more may go on with calls that have begun. */
const RETIRING_MS = 10_000;

/** What a protocol makes of one child: see legacy-session.ts and modern-child.ts. */
export interface HostListener {
  onMessage(message: Message): void;
  onExit(error: UpstreamError): void;
}

/**
 * One child with the answers that are open at it: pauses it while one of its readers does (back-pressure), and stops it when nobody has
 * used it for `idleMs`. An open stream is use.
 */
export class Host {
  readonly #child: Child;
  readonly #answers = new Set<Answer>();
  readonly #idle: NodeJS.Timeout;
  #lastUse: number;
  #retiring: NodeJS.Timeout | undefined;

  constructor(
    private readonly options: HostOptions,
    private readonly listener: HostListener,
  ) {
    this.#lastUse = options.system.monotonicMs();
    this.#child = new Child(options.command, {
      onMessage: (line) => this.#onMessage(line),
      onExit: (error) => {
        clearTimeout(this.#idle);
        clearTimeout(this.#retiring);
        listener.onExit(error);
      },
    });
    this.#idle = setTimeout(() => this.#onIdle(), options.idleMs);
    this.#idle.unref();
  }

  get ended(): boolean {
    return this.#child.ended;
  }

  get exited(): Promise<void> {
    return this.#child.exited;
  }

  get inUse(): boolean {
    return this.#answers.size > 0;
  }

  /** Monotonic milliseconds of the last message or the end of the last stream. */
  get lastUse(): number {
    return this.#lastUse;
  }

  /** It ended by itself, and within this many milliseconds of its start. */
  diedWithin(milliseconds: number): boolean {
    return !this.#child.stopped && this.options.system.monotonicMs() - this.#child.startedAt < milliseconds;
  }

  /** Counts an answer as open at this child until it is over. */
  adopt(answer: Answer): void {
    this.#used();
    this.#answers.add(answer);
    answer.onFlow = () => this.#flow();
    answer.onOver = () => {
      this.#answers.delete(answer);
      this.#used();
      this.#flow();
      if (this.#retiring !== undefined && !this.inUse) void this.stop();
    };
  }

  /** @throws UpstreamError, see {@link Child.write}. */
  write(line: Uint8Array): void {
    this.#used();
    this.#child.write(line);
  }

  /** Like {@link write}, for what nobody waits for: a child that is gone or does not read has lost it. */
  tell(line: Uint8Array): void {
    attempt(() => this.write(line));
  }

  stop(): Promise<void> {
    clearTimeout(this.#idle);
    return this.#child.stop();
  }

  /** Nothing new comes to it: it may finish what is open, for {@link RETIRING_MS}, and is stopped. Idempotent. */
  retire(): void {
    if (!this.inUse) void this.stop();
    else this.#retiring ??= setTimeout(() => void this.stop(), RETIRING_MS).unref();
  }

  #onMessage(line: Buffer): void {
    this.#used();
    for (const message of readMessages(line)) this.listener.onMessage(message);
  }

  #used(): void {
    this.#lastUse = this.options.system.monotonicMs();
    this.#idle.refresh();
  }

  #onIdle(): void {
    if (this.inUse) this.#idle.refresh();
    else void this.stop();
  }

  #flow(): void {
    if (!this.options.pausable || this.#child.ended) return;
    if ([...this.#answers].some((answer) => answer.paused)) this.#child.pause();
    else this.#child.resume();
  }
}

export interface HostedCall extends CallStart {
  readonly calls: Calls;
  readonly host: Host;
}

/** Enters a request and sends it; a child that cannot take it fails its sink. */
export function startCall({ calls, host, ...start }: HostedCall): Call | undefined {
  let started: Call | undefined;
  attempt(
    () => {
      const { call, line } = calls.start(start);
      started = call;
      host.write(line);
    },
    (error) => {
      if (started !== undefined) calls.remove(started);
      started = undefined;
      start.sink.fail(error);
    },
  );
  return started;
}

/** Runs something that a child's state can make impossible. */
export function attempt(run: () => void, otherwise: (error: UpstreamError) => void = () => {}): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    otherwise(error);
  }
}
