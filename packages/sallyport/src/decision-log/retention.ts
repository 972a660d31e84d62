import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { listChains, readLines, type SegmentFiles, segmentFile } from "./files.js";
import { type Line, parseLine } from "./lines.js";
import type { LogSigner } from "./signatures.js";
import { formatTombstone } from "./tombstone.js";

const DAY = 86_400;

export interface RetentionOptions {
  readonly folder: string;
  readonly signer: LogSigner;
  /** Days; at least 2, since a chain that is written to has a signature of the last day. */
  readonly days: number;
  readonly now: number;
}

/**
 * Removes whole segments whose last record is older than `days`, from the beginning of each chain on, and leaves a signed tombstone for
 * each: the rest of the chain stays verifiable. The kept arguments go with their segment. Answers how many segments were removed.
 */
export function applyRetention(options: RetentionOptions): number {
  const { folder } = options;
  let removed = 0;
  for (const segments of listChains(folder).values()) {
    for (const segment of segments) {
      if (segment.log === undefined) continue;
      // In order only: a chain has no holes.
      if (!bury(segment, segment.log, options)) break;
      removed += 1;
    }
  }
  return removed;
}

function bury(segment: SegmentFiles, log: string, { folder, signer, days, now }: RetentionOptions): boolean {
  const lines = readLines(folder, log).lines.map(parseLine);
  const [first] = lines;
  const last = lines.at(-1);
  if (first?.seq === undefined || first.prev === undefined || last?.seq === undefined) return false;
  if (newestTime(lines) > now - days * DAY) return false;
  const { writer, segment: number } = segment;
  const tombstone = {
    writer,
    segment: number,
    first: first.seq,
    last: last.seq,
    prev: first.prev,
    hash: last.hash,
    ended: last.members.last === true,
    removed: now,
  };
  const file = join(folder, segmentFile(writer, number, "removed"));
  writeFileSync(file, `${formatTombstone(tombstone, signer)}\n`, { mode: 0o600, flush: true });
  // The tombstone is there before the segment goes: a crash in between leaves both, and the segment counts.
  rmSync(join(folder, log));
  if (segment.arguments !== undefined) rmSync(join(folder, segment.arguments));
  return true;
}

/** A chain whose times cannot be read is not old. */
function newestTime(lines: readonly Line[]): number {
  const times = lines.flatMap(({ members: { time } }) => (typeof time === "number" ? time : []));
  return times.length === 0 ? Number.POSITIVE_INFINITY : times.reduce((a, b) => Math.max(a, b));
}
