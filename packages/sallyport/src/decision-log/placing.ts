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
  readonly bySeq: ReadonlyMap<number, Placed>;
  /** Stand after a line with a higher number. */
  readonly late: readonly Placed[];
  /** Have the number of another line. */
  readonly twice: readonly Placed[];
  /** Numbers of which nothing is there, both included. */
  readonly missing: readonly { readonly first: number; readonly last: number }[];
}

/**
 * Puts the lines of one chain in the order of their numbers. A line whose number cannot be read, or does not fit while the line after it
 * fits and no other has the number of this place, keeps its place in the file: its number was altered, not the line moved.
 */
export function placeLines(read: readonly { readonly line: Line; readonly file: string }[], first: number): Placing {
  const bySeq = new Map<number, Placed>();
  const late: Placed[] = [];
  const twice: Placed[] = [];
  let present: ReadonlySet<number | undefined> | undefined;
  const isPresent = (seq: number) => {
    present ??= new Set(read.map(({ line }) => line.seq));
    return present.has(seq);
  };
  let expected = first;
  let highest = first - 1;
  read.forEach(({ line, file }, index) => {
    const fits = () => read[index + 1]?.line.seq === expected + 1 && !isPresent(expected);
    const seq = line.seq === undefined || (line.seq !== expected && fits()) ? expected : line.seq;
    const placed = { line, seq, file };
    expected = seq + 1;
    if (bySeq.has(seq)) twice.push(placed);
    else {
      bySeq.set(seq, placed);
      if (seq < highest) late.push(placed);
    }
    highest = Math.max(highest, seq);
  });
  const lines = [...bySeq.values()];
  // Without a late one they are in order as they came.
  if (late.length > 0) lines.sort((a, b) => a.seq - b.seq);
  return { lines, bySeq, late, twice, missing: gapsOf(lines, first) };
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
