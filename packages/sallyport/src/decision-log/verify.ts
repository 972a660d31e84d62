import { checkHashes, checkHeads, checkSignatures, type LogProblem } from "./chain-check.js";
import { checkArguments } from "./check-arguments.js";
import { listChains } from "./files.js";
import type { ChainStart, Head } from "./lines.js";
import { type Placed, placedAt, placeLines } from "./placing.js";
import { type ReadChain, readChain } from "./read-chain.js";
import type { VerifyLogSignature } from "./signatures.js";
import type { Tombstone } from "./tombstone.js";

/** How one chain stands. */
export interface ChainReport {
  readonly writer: string;
  readonly records: number;
  /** The last line that is there; absent for a chain of which only tombstones are left. */
  readonly head?: Head;
  /** Everything up to this number is vouched for by a signature; -1 = nothing is. */
  readonly checkpoint: number;
  /** Everything up to this number is vouched for: by a signature, a head that was given, or a later chain. */
  readonly complete: number;
  /** Its writer closed it: nothing is missing at its end. */
  readonly ended: boolean;
  /** Records whose time was over. */
  readonly removed: number;
  /** Decisions that were let through without a record. */
  readonly lost: number;
}

export interface LogReport {
  readonly chains: readonly ChainReport[];
  readonly problems: readonly LogProblem[];
}

export interface VerifyOptions {
  readonly folder: string;
  readonly verify: VerifyLogSignature;
  /** Kept elsewhere by somebody: each must still be there. */
  readonly heads?: readonly Head[];
}

/**
 * Checks every chain of a folder, with public keys alone. Found and named: any record that was altered, removed, added or moved, up to the
 * last signature, the given heads and what later chains say of earlier ones. What is cut off behind all of these is not seen.
 * @throws what the file system throws.
 */
export function verifyLog({ folder, verify, heads = [] }: VerifyOptions): LogReport {
  const chains = [...listChains(folder)].map(([writer, segments]) => readChain(folder, writer, { segments, verify }));
  const links = chains.flatMap(({ links: own }) => own);
  const reports = chains.map((chain) => reportOn(chain, verify, [...heads, ...links]));
  const absent = [...heads, ...links].filter(({ writer }) => !chains.some((chain) => chain.writer === writer));
  const problems = chains.flatMap((chain, index) => {
    const named = [...chain.problems, ...(reports[index]?.problems ?? [])];
    return named.length === 0 && chain.broken !== undefined ? [unnamed(chain.writer, chain.broken)] : named;
  });
  return { chains: reports.map(({ chain }) => chain), problems: [...problems, ...absent.map(absentChain)] };
}

/** Nothing hangs on the finding of names: where bytes do not hang together, something is wrong. */
function unnamed(writer: string, file: string): LogProblem {
  return { kind: "altered", writer, file, message: "its lines are not as they were written" };
}

function absentChain({ writer, seq }: Head): LogProblem {
  return {
    kind: "removed",
    writer,
    first: 0,
    last: seq,
    message: `the whole chain is missing, at least records 0 to ${seq}`,
  };
}

/**
 * What is wrong with one chain, and how it stands: the whole check, once its files are read. `heads` are those of all chains; what was
 * wrong with the files themselves is not among the problems.
 */
export function reportOn(
  chain: ReadChain,
  verify: VerifyLogSignature,
  heads: readonly Head[],
): { readonly chain: ChainReport; readonly problems: readonly LogProblem[] } {
  const { writer, tombstones, read } = chain;
  const buried = checkTombstones(tombstones);
  const start = buried.start;
  const { lines, late, early, twice, missing } = placeLines(read, start.seq);
  const lineAt = (seq: number) => placedAt(lines, seq)?.line;
  const signatures = checkSignatures(writer, lines, verify);
  const own = heads.filter((head) => head.writer === writer && head.seq >= start.seq);
  const last = lines.at(-1);
  const headProblems = checkHeads(lineAt, own, last?.seq ?? start.seq - 1);
  const doubted = [...signatures.problems, ...headProblems].flatMap(({ kind, first }) =>
    kind === "removed" ? [] : first,
  );
  const moved = new Set([...late, ...early].map(({ seq }) => seq));
  const altered = new Set([
    ...checkHashes(lines, start, doubted),
    ...checkHeaders(writer, lines, { first: start.seq, moved }),
  ]);
  const nameOf = (kind: LogProblem["kind"], { seq, file }: Placed, message: string): LogProblem => ({
    kind,
    writer,
    first: seq,
    last: seq,
    file,
    message,
  });
  const problems: readonly LogProblem[] = [
    ...buried.missing.map((gap) => removedProblem(writer, gap)),
    ...missing.map((gap) => removedProblem(writer, gap)),
    ...[...altered]
      .sort((a, b) => a - b)
      .flatMap((seq) => placedAt(lines, seq) ?? [])
      .map((one) => nameOf("altered", one, `record ${one.seq} was altered`)),
    ...early.map((one) => nameOf("reordered", one, `record ${one.seq} stands before earlier ones`)),
    ...late.map((one) => nameOf("reordered", one, `record ${one.seq} stands behind a later one`)),
    ...twice.map((one) => nameOf("added", one, addedMessage(one))),
    ...signatures.problems,
    ...headProblems.filter(({ kind, first }) => kind !== "altered" || !altered.has(first ?? -1)),
    ...checkArguments(writer, (seq) => (altered.has(seq) ? undefined : lineAt(seq)), chain.argumentFiles),
  ];
  const vouched = own.filter(({ seq, hash }) => lineAt(seq)?.hash === hash).map(({ seq }) => seq);
  const { decisions, lost } = countLines(lines);
  return {
    problems,
    chain: {
      writer,
      records: decisions,
      ...(last && { head: { writer, seq: last.seq, hash: last.line.hash } }),
      checkpoint: signatures.checkpoint,
      complete: Math.max(signatures.checkpoint, ...vouched),
      ended: signatures.ended || (last === undefined && (tombstones.at(-1)?.ended ?? false)),
      removed: start.seq,
      lost,
    },
  };
}

function addedMessage({ line, seq }: Placed): string {
  return line.seq === undefined ? `behind record ${seq} stands a line that is none` : `record ${seq} is there twice`;
}

function countLines(lines: readonly Placed[]): { readonly decisions: number; readonly lost: number } {
  let decisions = 0;
  let lost = 0;
  for (const { line } of lines) {
    if (line.type === "decision") decisions += 1;
    else if (line.type === "gap") lost += Number(line.members.lost);
  }
  return { decisions, lost };
}

function removedProblem(
  writer: string,
  { first, last }: { readonly first: number; readonly last: number },
): LogProblem {
  const what = first === last ? `record ${first} is` : `records ${first} to ${last} are`;
  return { kind: "removed", writer, first, last, message: `${what} missing` };
}

/** Tombstones must fit together from the first record on. */
function checkTombstones(tombstones: readonly Tombstone[]): {
  readonly start: ChainStart;
  readonly missing: readonly { readonly first: number; readonly last: number }[];
} {
  const missing: { readonly first: number; readonly last: number }[] = [];
  let start: ChainStart = { seq: 0, prev: "" };
  for (const { first, last, prev, hash } of tombstones) {
    if (first !== start.seq || prev !== start.prev)
      missing.push({ first: start.seq, last: Math.max(start.seq, first - 1) });
    start = { seq: last + 1, prev: hash };
  }
  return { start, missing };
}

/**
 * The first line of a file says whose chain it is, and the very first one begins it. Numbers of lines that say otherwise; where the line before
 * is missing or was moved, the file may have begun with that one, and this one is not to blame.
 */
function checkHeaders(
  writer: string,
  lines: readonly Placed[],
  { first, moved }: { readonly first: number; readonly moved: ReadonlySet<number> },
): readonly number[] {
  const wrong: number[] = [];
  let file: string | undefined;
  let next: number | undefined = first;
  for (const placed of lines) {
    if (moved.has(placed.seq)) {
      next = undefined;
      continue;
    }
    const begins = placed.file !== file && placed.seq === next;
    file = placed.file;
    next = placed.seq + 1;
    if (!begins) continue;
    const { type, members } = placed.line;
    if (type !== (placed.seq === 0 ? "start" : "segment") || members.writer !== writer) wrong.push(placed.seq);
  }
  return wrong;
}
