import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { listChains } from "./files.js";
import { parseObject } from "./lines.js";
import type { ReadRecord } from "./read.js";
import type { DecisionRecord } from "./record.js";

/** How far each chain was read: the segment, and the byte of it that comes next. Plain JSON, to be kept in a file. */
export type TailPosition = Readonly<Record<string, { readonly segment: number; readonly offset: number }>>;

export interface TailRead {
  readonly records: readonly ReadRecord[];
  /** Where to go on once these are delivered. */
  readonly position: TailPosition;
}

/** Bytes read at once. No line is longer. */
const CHUNK = 256 * 1024;

/**
 * Decisions from `position` on, chain by chain: those of at most one chunk, or none where nothing new is there. A line that is not whole
 * yet is left for the next time. What retention removed meanwhile is passed over. Nothing is verified. @throws what the file system throws.
 */
export function readTail(folder: string, position: TailPosition): TailRead {
  let moved = position;
  for (const [writer, segments] of listChains(folder)) {
    for (const { segment, log } of segments) {
      const at = moved[writer];
      if (log === undefined || (at !== undefined && segment < at.segment)) continue;
      const offset = at?.segment === segment ? at.offset : 0;
      const { lines, bytes } = readWhole(join(folder, log), offset);
      if (bytes === 0) continue;
      moved = { ...moved, [writer]: { segment, offset: offset + bytes } };
      const records = lines.flatMap((text) => recordOf(writer, text));
      if (records.length > 0) return { records, position: moved };
    }
  }
  return { records: [], position: moved };
}

/** Where the log ends now, for those who want what comes from now on. */
export function tailEnd(folder: string): TailPosition {
  const ends = [...listChains(folder)].flatMap(([writer, segments]) => {
    const last = segments.findLast(({ log }) => log !== undefined);
    if (last?.log === undefined) return [];
    const descriptor = openSync(join(folder, last.log), "r");
    try {
      return [[writer, { segment: last.segment, offset: fstatSync(descriptor).size }] as const];
    } finally {
      closeSync(descriptor);
    }
  });
  return Object.fromEntries(ends);
}

/** Whole lines of one chunk, and how many bytes they are. */
function readWhole(path: string, offset: number): { readonly lines: readonly string[]; readonly bytes: number } {
  const descriptor = openSync(path, "r");
  try {
    const buffer = Buffer.alloc(Math.min(CHUNK, Math.max(0, fstatSync(descriptor).size - offset)));
    const text = buffer.toString("latin1", 0, readSync(descriptor, buffer, 0, buffer.length, offset));
    const bytes = text.lastIndexOf("\n") + 1;
    return { lines: text.slice(0, bytes).split("\n").slice(0, -1), bytes };
  } finally {
    closeSync(descriptor);
  }
}

function recordOf(writer: string, text: string): readonly ReadRecord[] {
  const members = parseObject(text);
  if (members.type !== "decision" || typeof members.seq !== "number") return [];
  return [{ ...(members as unknown as DecisionRecord), writer, seq: members.seq }];
}

/** @throws TypeError for anything else than what {@link readTail} gave. */
export function parseTailPosition(text: string): TailPosition {
  const value: unknown = JSON.parse(text);
  const isPlace = (one: unknown) =>
    typeof one === "object" &&
    one !== null &&
    ["segment", "offset"].every((name) => Number.isSafeInteger((one as Record<string, unknown>)[name]));
  if (typeof value === "object" && value !== null && !Array.isArray(value) && Object.values(value).every(isPlace)) {
    return value as TailPosition;
  }
  throw new TypeError("this is no position in a decision log");
}
