import { Gathered } from "./gathered.js";
import { formatLine, type Head, hashLine } from "./lines.js";

/** Lines that go to the disk together, and what is kept beside them. */
export interface Batch {
  readonly lines: Buffer;
  readonly kept: Buffer;
  /** Its last line. */
  readonly head: Head;
}

/** The lines of one chain: each gets its number and answers for the one before it as soon as it is added. */
export class ChainLines {
  readonly #lines = new Gathered();
  readonly #kept = new Gathered();
  #seq = 0;
  #prev = "";

  constructor(private readonly writer: string) {}

  /** Bytes that wait to be taken. */
  get length(): number {
    return this.#lines.length;
  }

  /** `members` is the inside of a JSON object, ASCII, from `"type":` on. `kept` is the inside of the one that lies beside it. */
  add(members: string, kept?: string): void {
    if (kept !== undefined) this.#kept.add(`{"seq":${this.#seq},${kept}}`);
    this.#put(formatLine(this.#seq, this.#prev, members));
  }

  /** Adds a line that `sign` closes: it gets the line without its last brace. */
  addSigned(members: string, sign: (open: string) => string): void {
    this.#put(sign(formatLine(this.#seq, this.#prev, members).slice(0, -1)));
  }

  /** Everything added since the last time; what is added from now on comes behind it. */
  take(): Batch {
    const head = { writer: this.writer, seq: this.#seq - 1, hash: this.#prev };
    return { lines: this.#lines.take(), kept: this.#kept.take(), head };
  }

  release({ lines, kept }: Batch): void {
    this.#lines.release(lines);
    this.#kept.release(kept);
  }

  #put(line: string): void {
    this.#lines.add(line);
    this.#prev = hashLine(line);
    this.#seq += 1;
  }
}
