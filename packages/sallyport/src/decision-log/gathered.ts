/** Bytes to begin with, and the most that is kept for the next time. */
const FEW = 64 * 1024;
const MANY = 4 * 1024 * 1024;
const LINE_FEED = 0x0a;

/**
 * Lines of ASCII on their way to a file, as bytes outside the heap: thousands of texts that wait for the disk would be copied by every
 * collection of garbage meanwhile, which cost more than all else about them. Two buffers take turns: one is written, one is filled.
 */
export class Gathered {
  #bytes: Buffer = Buffer.allocUnsafeSlow(FEW);
  #spare: Buffer | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Adds a line; `text` is ASCII, without line feed. */
  add(text: string): void {
    const end = this.#length + text.length;
    if (end >= this.#bytes.length) this.#grow(end + 1);
    this.#bytes.write(text, this.#length, "latin1");
    this.#bytes[end] = LINE_FEED;
    this.#length = end + 1;
  }

  /** Everything added so far. It stays as it is until it is given back by {@link release}. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#bytes = this.#spare ?? Buffer.allocUnsafeSlow(FEW);
    this.#spare = undefined;
    this.#length = 0;
    return taken;
  }

  /** What was taken has been written. */
  release({ buffer }: Buffer): void {
    if (buffer.byteLength <= MANY) this.#spare = Buffer.from(buffer);
  }

  #grow(length: number): void {
    const more = Buffer.allocUnsafeSlow(Math.max(length, this.#bytes.length * 2));
    this.#bytes.copy(more, 0, 0, this.#length);
    this.#bytes = more;
  }
}
