import type { System } from "@sallyport/auth";

const MAX_LINE = 2_000;
const KEPT_LINES = 20;
const LINES_PER_SECOND = 50;

/**
 * A child's stderr in our log, line by line under the server's name, at most 50 lines a second; what was left out is counted.
 * The last lines are kept, so that the log can say why a child ended. They never go to a caller.
 */
export class ChildLog {
  #rest = "";
  #last: string[] = [];
  #windowEnds = 0;
  #inWindow = 0;
  #suppressed = 0;

  constructor(
    private readonly server: string,
    private readonly system: System,
  ) {}

  readonly push = (chunk: string): void => {
    const lines = (this.#rest + chunk).split("\n");
    this.#rest = (lines.pop() ?? "").slice(0, MAX_LINE);
    for (const line of lines) this.line(line);
  };

  /** One line, whether of stderr or of something on stdout that is no message. */
  line(text: string): void {
    const line = text.trimEnd().slice(0, MAX_LINE);
    if (line === "") return;
    this.#last = [...this.#last, line].slice(-KEPT_LINES);
    if (this.#admit()) this.system.log("info", "server says", { server: this.server, line });
    else this.#suppressed++;
  }

  lastLines(): readonly string[] {
    return this.#rest === "" ? this.#last : [...this.#last, this.#rest];
  }

  #admit(): boolean {
    const now = this.system.monotonicMs();
    if (now >= this.#windowEnds) {
      if (this.#suppressed > 0) {
        this.system.log("warn", "lines of a server left out", { server: this.server, lines: this.#suppressed });
      }
      this.#windowEnds = now + 1_000;
      this.#inWindow = 0;
      this.#suppressed = 0;
    }
    this.#inWindow++;
    return this.#inWindow <= LINES_PER_SECOND;
  }
}
