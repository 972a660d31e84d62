import { isJsonObject, parseJson } from "@sallyport/auth";
import { lineEnd } from "./event-ids.js";

const LF = 0x0a;
const CR = 0x0d;
const LINE_FEED = Buffer.of(LF);
const DATA = Buffer.from("data:");
/** What every request has in it. A name with escapes in it (`"\u006dethod"`) is not found, and its request can then not be answered. */
const METHOD = Buffer.from('"method"');
const NOTHING = Buffer.alloc(0);

/**
 * Finds the requests in an answer of the upstream while its bytes pass: in the events of a stream (HTML §9.2.6), or in one JSON text. Nothing
 * is held back, and nothing is parsed that has no `"method"` in it. What is malformed or larger than `maxBytes` holds no request.
 */
export class RequestReader {
  /** The data lines of the event so far, and the open line; or the JSON text. */
  #held: Buffer = NOTHING;
  /** Bytes of `#held` in use. */
  #length = 0;
  #lineStart = 0;
  #lineEmpty = true;
  #tooLarge = false;
  /** An LF that follows belongs to the line end that a CR was. */
  #afterCr = false;

  constructor(
    private readonly note: (id: string | number) => void,
    private readonly options: { readonly events: boolean; readonly maxBytes: number },
  ) {}

  push(bytes: Uint8Array): void {
    if (!this.options.events) {
      this.#keep(bytes);
      return;
    }
    let at = 0;
    while (at < bytes.length) {
      if (this.#afterCr && bytes[at] === LF) at += 1;
      this.#afterCr = false;
      const end = lineEnd(bytes, at);
      this.#keep(bytes.subarray(at, end === -1 ? bytes.length : end));
      if (end === -1) return;
      this.#endLine();
      this.#afterCr = bytes[end] === CR;
      at = end + 1;
    }
  }

  /** The end of a JSON text. An event that the end of its stream cuts off is none. */
  end(): void {
    if (!this.options.events) this.#read((text) => text);
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#lineEmpty = false;
    const length = this.#length + bytes.length;
    if (length > this.options.maxBytes) this.#tooLarge = true;
    if (this.#tooLarge) {
      this.#drop();
      return;
    }
    if (length > this.#held.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, 2 * this.#held.length));
      this.#held.copy(larger, 0, 0, this.#length);
      this.#held = larger;
    }
    this.#held.set(bytes, this.#length);
    this.#length = length;
  }

  #endLine(): void {
    if (this.#lineEmpty) {
      this.#read(dataOf);
      return;
    }
    const line = this.#held.subarray(this.#lineStart, this.#length);
    if (line.subarray(0, DATA.length).equals(DATA)) this.#keep(LINE_FEED);
    else this.#length = this.#lineStart;
    this.#lineStart = this.#length;
    this.#lineEmpty = true;
  }

  #read(textOf: (held: string) => string): void {
    const held = this.#held.subarray(0, this.#length);
    const text = held.includes(METHOD) ? textOf(held.toString("utf8")) : undefined;
    this.#drop();
    this.#lineEmpty = true;
    this.#tooLarge = false;
    if (text !== undefined) for (const id of requestsIn(text)) this.note(id);
  }

  #drop(): void {
    this.#held = NOTHING;
    this.#length = 0;
    this.#lineStart = 0;
  }
}

function dataOf(lines: string): string {
  return lines
    .split("\n")
    .map((line) => line.slice(line[5] === " " ? 6 : 5))
    .join("\n");
}

function requestsIn(text: string): readonly (string | number)[] {
  try {
    const value = parseJson(text);
    return (Array.isArray(value) ? value : [value]).flatMap((message) => {
      if (!isJsonObject(message) || typeof message.method !== "string") return [];
      const { id } = message;
      return typeof id === "string" || typeof id === "number" ? [id] : [];
    });
  } catch {
    return [];
  }
}
