import { UpstreamError } from "./upstream.js";

const LF = 0x0a;

/**
 * Cuts a byte stream into lines without their line feed; empty lines are left out. A line without end keeps at most `maxBytes`.
 * @throws UpstreamError `protocol` for a longer line.
 */
export class LineSplitter {
  #parts: Buffer[] = [];
  #size = 0;

  constructor(private readonly maxBytes: number) {}

  *push(chunk: Buffer): Generator<Buffer> {
    let start = 0;
    for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, start)) {
      this.#keep(chunk.subarray(start, end));
      start = end + 1;
      const line = this.#take();
      if (line.length > 0) yield line;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
  }

  #keep(part: Buffer): void {
    this.#size += part.length;
    if (this.#size > this.maxBytes)
      throw new UpstreamError("protocol", `the server wrote a line of more than ${this.maxBytes} bytes`);
    this.#parts.push(part);
  }

  #take(): Buffer {
    const [only, ...others] = this.#parts;
    const line = only === undefined ? Buffer.alloc(0) : others.length === 0 ? only : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#size = 0;
    return line;
  }
}
