const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const ID = [0x69, 0x64];

/** An id longer than this is none that a client would send back in a header. */
const MAX_ID_LINE = 8_192;

/**
 * Rewrites the `id` fields of an event stream (HTML §9.2.6) and lets every other byte through as it came and when it came: comments, data
 * of any size, any line ending. Only the beginning of a line that may still become an `id` field is held back.
 */
export class EventIds {
  #lineStart = true;
  #held: Buffer | undefined;

  /** `rewrite` gives the new id; an empty id, which resets a client's memory, is left alone. */
  constructor(private readonly rewrite: (id: string) => string) {}

  /** The bytes that may go on. @throws RangeError for an id field without end. */
  push(bytes: Uint8Array): Buffer {
    const chunk = this.#take(bytes);
    const parts: Buffer[] = [];
    let copied = 0;
    let at = this.#lineStart ? 0 : nextLine(chunk, 0);
    this.#lineStart = true;
    while (at !== -1 && at < chunk.length) {
      const end = lineEnd(chunk, at);
      const open = end === -1;
      if (open && mayBecomeId(chunk, at)) {
        if (chunk.length - at > MAX_ID_LINE) throw new RangeError("an event id of the upstream is too long");
        this.#held = Buffer.from(chunk.subarray(at));
        parts.push(chunk.subarray(copied, at));
        return join(parts);
      }
      const id = open ? undefined : idOf(chunk, at, end);
      if (id !== undefined && id !== "") {
        parts.push(chunk.subarray(copied, at), Buffer.from(`id: ${this.rewrite(id)}`));
        copied = end;
      }
      at = open ? -1 : end + 1;
    }
    this.#lineStart = at !== -1;
    parts.push(chunk.subarray(copied));
    return join(parts);
  }

  #take(bytes: Uint8Array): Buffer {
    const chunk = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    if (this.#held === undefined) return chunk;
    const joined = Buffer.concat([this.#held, chunk]);
    this.#held = undefined;
    return joined;
  }
}

function join(parts: readonly Buffer[]): Buffer {
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
}

/** Index of the line break that ends the line, or -1. */
export function lineEnd(bytes: Uint8Array, from: number): number {
  const lf = bytes.indexOf(LF, from);
  const cr = lf === -1 ? bytes.indexOf(CR, from) : bytes.subarray(from, lf).indexOf(CR);
  if (lf === -1) return cr;
  return cr === -1 ? lf : from + cr;
}

function nextLine(bytes: Uint8Array, from: number): number {
  const end = lineEnd(bytes, from);
  return end === -1 ? -1 : end + 1;
}

/** Is this open line `i`, `id` or `id:…`? */
function mayBecomeId(bytes: Uint8Array, at: number): boolean {
  const length = bytes.length - at;
  if (bytes[at] !== ID[0]) return false;
  if (length === 1) return true;
  return bytes[at + 1] === ID[1] && (length === 2 || bytes[at + 2] === COLON);
}

function idOf(bytes: Buffer, at: number, end: number): string | undefined {
  if (bytes[at] !== ID[0] || bytes[at + 1] !== ID[1] || bytes[at + 2] !== COLON || at + 2 >= end) return undefined;
  const from = bytes[at + 3] === SPACE ? at + 4 : at + 3;
  return bytes.toString("utf8", Math.min(from, end), end);
}
