import { listChains, readLines } from "./files.js";
import { type Head, parseLine, parseObject } from "./lines.js";
import type { DecisionRecord } from "./record.js";

/** A record with its place, and with what is kept of its arguments. */
export interface ReadRecord extends DecisionRecord {
  readonly writer: string;
  readonly seq: number;
}

/**
 * Every decision of a folder from `since` (integer seconds) on, chain by chain; within a chain in its order. Nothing is verified.
 * @throws what the file system throws.
 */
export function* readRecords(folder: string, since = 0): Generator<ReadRecord> {
  for (const [writer, segments] of listChains(folder)) {
    for (const { log } of segments) {
      if (log === undefined) continue;
      for (const text of readLines(folder, log).lines) {
        const { seq, type, members } = parseLine(text);
        if (type !== "decision" || seq === undefined || !((members.time as number) >= since)) continue;
        yield { ...(members as unknown as DecisionRecord), writer, seq };
      }
    }
  }
}

/** What is kept of the arguments of one chain's records, by number: `undefined` members were erased or never kept. */
export function readArguments(folder: string, writer: string): ReadonlyMap<number, unknown> {
  const found = new Map<number, unknown>();
  for (const { arguments: file } of listChains(folder).get(writer) ?? []) {
    if (file === undefined) continue;
    for (const text of readLines(folder, file).lines) {
      const { seq, arguments: args } = parseObject(text);
      if (typeof seq === "number" && args !== undefined) found.set(seq, args);
    }
  }
  return found;
}

/** The last whole line of every chain: what a witness keeps. */
export function readHeads(folder: string): readonly Head[] {
  return [...listChains(folder)].flatMap(([writer, segments]): readonly Head[] => {
    const file = segments.findLast(({ log }) => log !== undefined)?.log;
    const { seq, hash } = parseLine((file === undefined ? undefined : readLines(folder, file).lines.at(-1)) ?? "");
    return seq === undefined ? [] : [{ writer, seq, hash }];
  });
}
