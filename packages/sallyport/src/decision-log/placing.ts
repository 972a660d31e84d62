import type { Line } from "./lines.js";

/** A line with the number of the place where it belongs, as far as that can be told. */
export interface Placed {
  readonly line: Line;
  readonly seq: number;
  readonly file: string;
}

export interface Placing {
  /** In the order of their numbers, one for each. */
  readonly lines: readonly Placed[];
  /** Stand after a line with a higher number. */
  readonly late: readonly Placed[];
  /** Stand before lines with lower numbers, which go on behind them as if they were not there. */
  readonly early: readonly Placed[];
  /** Have the number of another line, or none and no place of their own: then that of the line before. */
  readonly twice: readonly Placed[];
  /** Numbers of which nothing is there, both included. */
  readonly missing: readonly { readonly first: number; readonly last: number }[];
}

/**
 * Puts the lines of one chain in the order of their numbers. A line whose number cannot be read, or does not fit while the line after it
 * fits and no other has the number of this place, keeps its place in the file: its number was altered, not the line moved. The last line has
 * none after it: it fits where it answers for the one before. One that cannot be read where the next line has the number that comes next is
 * one too many: the rest of the line before it, or something that was put in.
 */
export function placeLines(read: readonly { readonly line: Line; readonly file: string }[], first: number): Placing {
  const lines: Placed[] = [];
  const late: Placed[] = [];
  const early: Placed[] = [];
  const twice: Placed[] = [];
  let present: ReadonlySet<number | undefined> | undefined;
  const isPresent = (seq: number) => {
    present ??= new Set(read.map(({ line }) => line.seq));
    return present.has(seq);
  };
  let expected = first;
  let highest = first - 1;
  // As long as they come in order, nothing has to be remembered to tell that a number is new.
  let taken: Set<number> | undefined;
  for (let index = 0; index < read.length; index++) {
    const { line, file } = read[index] as (typeof read)[number];
    const next = read[index + 1]?.line;
    if (line.seq === undefined && next?.seq === expected) {
      twice.push({ line, seq: Math.max(first, expected - 1), file });
      continue;
    }
    const isBetween = () => (next === undefined ? line.prev === lines.at(-1)?.line.hash : next.seq === expected + 1);
    const fits = line.seq === expected || (isBetween() && !isPresent(expected));
    const seq = line.seq === undefined || fits ? expected : line.seq;
    const placed = { line, seq, file };
    const isEarly = seq > expected && (next?.seq === expected || (next?.seq === expected + 1 && isPresent(expected)));
    if (isEarly) expected = next.seq;
    else expected = seq + 1;
    if (seq > highest && !isEarly) {
      highest = seq;
      taken?.add(seq);
      lines.push(placed);
      continue;
    }
    taken ??= new Set(lines.map((one) => one.seq));
    if (taken.has(seq)) {
      twice.push(placed);
      continue;
    }
    taken.add(seq);
    lines.push(placed);
    (isEarly ? early : late).push(placed);
  }
  if (late.length + early.length > 0) lines.sort((a, b) => a.seq - b.seq);
  return { lines, late, early, twice, missing: gapsOf(lines, first) };
}

/** The line with that number, if it is there. `lines` are in the order of their numbers. */
export function placedAt(lines: readonly Placed[], seq: number): Placed | undefined {
  let low = 0;
  let high = lines.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = lines[middle];
    if (found === undefined || found.seq === seq) return found;
    if (found.seq < seq) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}

function gapsOf(lines: readonly Placed[], first: number): Placing["missing"] {
  const missing: { readonly first: number; readonly last: number }[] = [];
  let expected = first;
  for (const { seq } of lines) {
    if (seq > expected) missing.push({ first: expected, last: seq - 1 });
    expected = seq + 1;
  }
  return missing;
}
