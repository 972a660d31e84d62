import type { ChainStart, Head, Line } from "./lines.js";
import type { Placed } from "./placing.js";
import { isSigned, type VerifyLogSignature } from "./signatures.js";

/** What is wrong, and where. */
export interface LogProblem {
  readonly kind: "altered" | "removed" | "reordered" | "added" | "signature" | "incomplete" | "arguments";
  readonly writer: string;
  /** Numbers of the records in question, both included; absent where no number can be told. */
  readonly first?: number;
  readonly last?: number;
  readonly file?: string;
  readonly message: string;
}

/**
 * Compares the hash of every line with what the line after it says. A line is intact when something that is intact says its hash; where two
 * neighbours disagree, the later one is believed if the line after *it* confirms it, so that the altered line is named and not its neighbour.
 * `start`: what a tombstone says of the segments before. `doubted`: lines that are known to be wrong, by their signature or by a head.
 */
export function checkHashes(
  lines: readonly Placed[],
  start: ChainStart,
  doubted: readonly (number | undefined)[],
): readonly number[] {
  const altered = new Set<number>();
  // From the end: whether a line is confirmed is known before its word is taken for the one before.
  for (let index = lines.length - 1; index >= 0; index--) {
    const placed = lines[index];
    const next = lines[index + 1];
    if (placed === undefined) continue;
    if (placed.line.seq !== placed.seq || placed.line.prev === undefined) altered.add(placed.seq);
    if (next === undefined || next.seq !== placed.seq + 1 || next.line.prev === placed.line.hash) continue;
    if (!altered.has(next.seq) && !doubted.includes(next.seq)) altered.add(placed.seq);
  }
  const [first] = lines;
  if (first !== undefined && first.seq === start.seq && first.line.prev !== start.prev) {
    altered.add(first.seq);
  }
  return [...altered].sort((a, b) => a - b);
}

/** Every given head must be there as it is said. */
export function checkHeads(
  lineAt: (seq: number) => Line | undefined,
  heads: readonly Head[],
  last: number,
): readonly LogProblem[] {
  return heads.flatMap(({ writer, seq, hash }): readonly LogProblem[] => {
    const line = lineAt(seq);
    if (line === undefined) {
      const first = Math.min(last + 1, seq);
      const what = first === seq ? `record ${seq} is` : `records ${first} to ${seq} are`;
      return [{ kind: "removed", writer, first, last: seq, message: `${what} missing: the head names record ${seq}` }];
    }
    if (line.hash === hash) return [];
    return [
      { kind: "altered", writer, first: seq, last: seq, message: `record ${seq} is not the one that the head names` },
    ];
  });
}

/** What the signatures of a chain say. */
export interface SignatureCheck {
  /** Number of the last record that a good signature answers for; -1 = none. */
  readonly checkpoint: number;
  /** The chain was closed: nothing may follow. */
  readonly ended: boolean;
  readonly problems: readonly LogProblem[];
}

export function checkSignatures(writer: string, lines: readonly Placed[], verify: VerifyLogSignature): SignatureCheck {
  const problems: LogProblem[] = [];
  let checkpoint = -1;
  let ended = false;
  for (const { line, seq, file } of lines) {
    if (ended) {
      problems.push({
        kind: "added",
        writer,
        first: seq,
        last: seq,
        file,
        message: `record ${seq} follows the end of its chain`,
      });
    }
    if (line.type !== "checkpoint") continue;
    const { kid } = line.members;
    const good = line.members.writer === writer && isSigned(line.text, kid, verify);
    if (good === true) {
      checkpoint = seq;
      ended = line.members.last === true;
      continue;
    }
    const why =
      good === undefined ? `is signed by the key ${JSON.stringify(kid)}, which was not given` : "does not verify";
    problems.push({ kind: "signature", writer, first: seq, last: seq, file, message: `checkpoint ${seq} ${why}` });
  }
  return { checkpoint, ended, problems };
}
