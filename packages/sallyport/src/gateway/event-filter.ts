import { lineEnd } from "./event-ids.js";

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;

/**
 * Reads the data of every event of a stream (HTML §9.2.6) and may replace it; for exchanges whose answer has to be read (lists, tasks).
 * An event is held until it is whole; comments between events go on at once. Events that are not replaced keep their bytes. An event that
 * the end of the stream cut off is dropped, as clients would (HTML §9.2.6).
 */
export class EventFilter {
  #held: Buffer = Buffer.alloc(0);
  /** No event ends before this offset of what is held. */
  #scanned = 0;

  /** `replace` gets the data of one event and answers its replacement, `""` for none at all, or `undefined` to leave it. */
  constructor(
    private readonly replace: (data: string) => string | undefined,
    private readonly maxBytes: number,
  ) {}

  /** The bytes that may go on. @throws RangeError for an event larger than `maxBytes`. */
  push(chunk: Uint8Array): Buffer {
    this.#held = this.#held.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#held, chunk]);
    const ready: Buffer[] = [];
    for (let end = this.#nextEnd(); end !== -1; end = this.#nextEnd()) {
      ready.push(this.#event(this.#held.subarray(0, end)));
      this.#held = this.#held.subarray(end);
      this.#scanned = 0;
    }
    if (this.#held.length > this.maxBytes) throw new RangeError("an event of the upstream is too large");
    return Buffer.concat(ready);
  }

  /** End of the first whole event, or of the first comment line when the event begins with it; -1 for none. */
  #nextEnd(): number {
    const held = this.#held;
    let at = this.#scanned;
    while (at < held.length) {
      const end = lineEnd(held, at);
      if (end === -1) break;
      // A CR at the very end may be half of a CRLF.
      if (held[end] === CR && end + 1 === held.length) break;
      const next = held[end] === CR && held[end + 1] === LF ? end + 2 : end + 1;
      if (end === at || (at === 0 && held[0] === COLON)) return next;
      at = next;
    }
    this.#scanned = at;
    return -1;
  }

  #event(bytes: Buffer): Buffer {
    // HTML §9.2.5: a stream may begin with a byte order mark, which clients drop; with it the first line would not look like data.
    const lines = bytes
      .toString("utf8")
      .replace(/^\uFEFF/, "")
      .split(/\r\n|\n|\r/);
    const data = lines.filter((line) => line === "data" || line.startsWith("data:"));
    const text = data.map((line) => line.slice(line[5] === " " ? 6 : 5)).join("\n");
    // Without data there is no message to read: the priming event of 2025-11-25 carries an id and empty data (transports, "Sending Messages").
    if (text === "") return bytes;
    const replaced = this.replace(text);
    if (replaced === undefined) return bytes;
    const others = lines.filter((line) => line !== "" && line !== "data" && !line.startsWith("data:"));
    // HTML §9.2.6: without data nothing is dispatched, but the id counts for a later resumption.
    if (replaced === "")
      return Buffer.from(others.flatMap((line) => (line.startsWith("id:") ? `${line}\n\n` : [])).join(""));
    return Buffer.from([...others, ...replaced.split("\n").map((line) => `data: ${line}`), "", ""].join("\n"));
  }
}
