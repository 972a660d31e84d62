import { hash } from "node:crypto";

/**
 * The log's own format. A chain is what one process wrote from its start on: JSON Lines in one or more segment files, where each line holds
 * its number and the SHA-256 of the line before, so that a line answers for everything before it. What is hashed is the line's very bytes.
 *
 * | type | first members after `seq`, `prev`, `type` |
 * |---|---|
 * | `start` | `v`, `writer`, `segment`, `time`, `kid`, `links`: the first line of a chain, with the heads of the chains before it |
 * | `segment` | `writer`, `segment`, `time`: the first line of every further file |
 * | `decision` | see `record.ts` |
 * | `issued` | see `issued-record.ts` |
 * | `gap` | `lost`, `time`: so many decisions were let through without a record (`dangerouslyForwardWithoutLog`) |
 * | `checkpoint` | `writer`, `time`, `kid`, `last`, `signature`: everything up to here was written by the holder of the key |
 */
export const FORMAT_VERSION = 1;

const TYPES = ["start", "segment", "decision", "issued", "gap", "checkpoint"] as const;
export type LineType = (typeof TYPES)[number];
/** One string for each type: lines by the million are compared by it. */
const SAME_TYPE: ReadonlyMap<string, string> = new Map(TYPES.map((type) => [type, type]));

/** A place in a chain: this line, and with it every line before it. */
export interface Head {
  readonly writer: string;
  readonly seq: number;
  /** SHA-256 of the line, base64url. */
  readonly hash: string;
}

/** One line as read; `undefined` members where it does not say them in the form they are written in. */
export interface Line {
  readonly text: string;
  readonly hash: string;
  readonly seq: number | undefined;
  readonly prev: string | undefined;
  readonly type: string | undefined;
  /** Every member, as far as the line is an object. */
  readonly members: Readonly<Record<string, unknown>>;
}

/** Where a chain goes on: the number of its next line, and the hash that this line says of the one before. `0` and `""`: at its beginning. */
export interface ChainStart {
  readonly seq: number;
  readonly prev: string;
}

/** Of a line without its line break. Lines are ASCII: text and bytes are the same. */
export function hashLine(line: string | Uint8Array): string {
  return hash("sha256", line, "base64url");
}

/** How every line begins that stands at this place. */
export function beginLine(seq: number, prev: string): string {
  return `{"seq":${seq},"prev":"${prev}",`;
}

/** `members` is the inside of a JSON object that begins with `"type":`. */
export function formatLine(seq: number, prev: string, members: string): string {
  return `${beginLine(seq, prev)}${members}}`;
}

/** Never throws: what cannot be read has members missing. */
export function parseLine(text: string): Line {
  const members = parseObject(text);
  const { seq, prev, type } = members;
  return {
    text,
    hash: hashLine(text),
    seq: typeof seq === "number" && Number.isSafeInteger(seq) && seq >= 0 ? seq : undefined,
    prev: typeof prev === "string" ? prev : undefined,
    type: typeof type === "string" ? (SAME_TYPE.get(type) ?? type) : undefined,
    members,
  };
}

export function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : {};
  } catch {
    return {};
  }
}

const BEYOND_ASCII = /[^\0-\x7e]/;
const EACH_BEYOND_ASCII = /[^\0-\x7e]/g;

/** The same JSON in ASCII alone: one spelling of each line, and nothing in it that a terminal would turn round or hide. */
export function toAscii(json: string): string {
  if (!BEYOND_ASCII.test(json)) return json;
  return json.replace(EACH_BEYOND_ASCII, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The way heads are printed, kept by witnesses and given back: `writer:seq:hash`. */
export function formatHead({ writer, seq, hash: digest }: Head): string {
  return `${writer}:${seq}:${digest}`;
}

/** `undefined` for anything else. */
export function parseHead(text: string): Head | undefined {
  const [, writer, seq, digest] =
    /^([0-9]{10}-[0-9a-f]{16}):([0-9]{1,15}):([A-Za-z0-9_-]{43})$/.exec(text.trim()) ?? [];
  return writer === undefined || digest === undefined ? undefined : { writer, seq: Number(seq), hash: digest };
}
