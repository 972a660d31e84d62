import { isUtf8 } from "node:buffer";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { parseJson, type System } from "@sallyport/auth";
import { ChildLog } from "./child-log.js";
import { LineSplitter } from "./ndjson.js";
import { UpstreamError } from "./upstream.js";

export interface ChildCommand {
  /** The server's name in the configuration, for the log. */
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** The whole environment of the child. */
  readonly environment: Readonly<Record<string, string>>;
  /** Never the data folder: the child runs as our user (design §5.11). */
  readonly cwd: string;
  readonly system: System;
  readonly limits: ChildLimits;
}

export interface ChildLimits {
  /** Bytes of one line from the child. Default 16 MiB. */
  readonly maxLineBytes: number;
  /** Bytes that may wait for a child that does not read. Default 16 MiB. */
  readonly maxQueuedBytes: number;
  /** Milliseconds between SIGTERM and SIGKILL. Default 2,000. */
  readonly killAfterMs: number;
}

export const CHILD_LIMITS: ChildLimits = {
  maxLineBytes: 16 * 1024 * 1024,
  maxQueuedBytes: 16 * 1024 * 1024,
  killAfterMs: 2_000,
};

export interface ChildListener {
  /** One line of JSON: valid UTF-8 that `JSON.parse` accepts, and its value. */
  onMessage(line: Buffer, value: unknown): void;
  /** Once, when the process is gone, whoever ended it. */
  onExit(error: UpstreamError): void;
}

const LINE_END = Buffer.from("\n");

/** How long the pipes of an ended process may stay open in hands of a process that left its group. */
const PIPE_GRACE_MS = 500;

/**
 * One stdio server: its own process group, no shell, newline-delimited JSON (R-161). Whatever way it ends, the whole group is killed.
 * On Windows there are no process groups: there only the process itself is.
 */
export class Child {
  /** Settles when the process is gone and its pipes are closed. */
  readonly exited: Promise<void>;
  readonly startedAt: number;
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #log: ChildLog;
  readonly #lines: LineSplitter;
  #stopping: NodeJS.Timeout | undefined;
  #fault: UpstreamError | undefined;
  #gone = false;

  constructor(
    private readonly options: ChildCommand,
    private readonly listener: ChildListener,
  ) {
    const [file, ...args] = options.command;
    this.startedAt = options.system.monotonicMs();
    this.#log = new ChildLog(options.name, options.system);
    this.#lines = new LineSplitter(options.limits.maxLineBytes);
    this.#process = spawn(file, args, {
      cwd: options.cwd,
      env: options.environment,
      stdio: ["pipe", "pipe", "pipe"],
      shell: false,
      detached: process.platform !== "win32",
      windowsHide: true,
    });
    this.exited = new Promise((resolve) => {
      this.#listen(resolve);
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Ended, or being ended: it takes no more messages. */
  get ended(): boolean {
    return this.#gone || this.#stopping !== undefined;
  }

  /** It is we who ended it, and not because it could not be understood. */
  get stopped(): boolean {
    return this.#stopping !== undefined && this.#fault?.kind !== "protocol";
  }

  /** Sends one message; `line` holds no line break. @throws UpstreamError `exited`, or `overloaded` when the child does not read. */
  write(line: Uint8Array): void {
    if (this.ended) throw new UpstreamError("exited", "the server has ended");
    if (this.#process.stdin.writableLength > this.options.limits.maxQueuedBytes) {
      throw new UpstreamError("overloaded", "the server does not read its input", { retryAfter: 1 });
    }
    this.#process.stdin.write(Buffer.concat([line, LINE_END]));
  }

  pause(): void {
    this.#process.stdout.pause();
  }

  resume(): void {
    this.#process.stdout.resume();
  }

  /** SIGTERM to the group, SIGKILL after `killAfterMs`. Idempotent. */
  stop(): Promise<void> {
    if (this.ended) return this.exited;
    this.#process.stdin.end();
    this.#kill("SIGTERM");
    this.#stopping = setTimeout(() => this.#kill("SIGKILL"), this.options.limits.killAfterMs);
    // What it still says is for nobody, but its pipe must drain for it to end.
    this.#process.stdout.resume();
    return this.exited;
  }

  #listen(resolve: () => void): void {
    const child = this.#process;
    child.stdout.on("data", (chunk: Buffer) => this.#read(chunk));
    child.stderr.setEncoding("utf8").on("data", this.#log.push);
    // EPIPE and the like: the exit says what happened.
    for (const pipe of [child.stdin, child.stdout, child.stderr]) pipe.on("error", () => {});
    child.on("error", (cause) => {
      if (child.pid !== undefined) return;
      this.#fault = new UpstreamError("exited", "the server cannot be started", { cause });
      this.#over(resolve);
    });
    child.on("exit", (code, signal) => {
      this.#fault ??= new UpstreamError("exited", `the server ended (${signal ?? `exit code ${code}`})`);
      this.#kill("SIGKILL");
      setTimeout(() => this.#closePipes(), PIPE_GRACE_MS).unref();
    });
    child.on("close", () => this.#over(resolve));
  }

  #read(chunk: Buffer): void {
    if (this.ended) return;
    try {
      for (const line of this.#lines.push(chunk)) this.#readLine(line);
    } catch (error) {
      this.#fault =
        error instanceof UpstreamError
          ? error
          : new UpstreamError("protocol", "the server cannot be understood", { cause: error });
      void this.stop();
    }
  }

  #readLine(line: Buffer): void {
    let value: unknown;
    try {
      if (!isUtf8(line)) throw new SyntaxError("not UTF-8");
      value = parseJson(line.toString("utf8"));
    } catch {
      this.#log.line(`not a message on stdout: ${JSON.stringify(line.toString("utf8", 0, 200))}`);
      return;
    }
    this.listener.onMessage(line, value);
  }

  #kill(signal: NodeJS.Signals): void {
    const { pid } = this.#process;
    if (pid === undefined) return;
    try {
      if (process.platform === "win32") this.#process.kill(signal);
      else process.kill(-pid, signal);
    } catch {
      // ESRCH: nobody is left in the group.
    }
  }

  #closePipes(): void {
    for (const pipe of [this.#process.stdin, this.#process.stdout, this.#process.stderr]) pipe.destroy();
  }

  #over(resolve: () => void): void {
    if (this.#gone) return;
    clearTimeout(this.#stopping);
    this.#gone = true;
    const { kind, message, options } = this.#fault ?? new UpstreamError("exited", "the server has ended");
    const lastLines = this.#log.lastLines();
    const { name, system } = this.options;
    if (this.stopped) system.log("debug", "server stopped", { server: name });
    else system.log("warn", "server ended", { server: name, reason: message, lastLines });
    this.listener.onExit(new UpstreamError(kind, message, { ...options, lastLines }));
    resolve();
  }
}
