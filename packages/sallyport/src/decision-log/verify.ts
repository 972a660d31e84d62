import { type ChainStart, checkHashes, checkHeads, checkSignatures, type LogProblem } from "./chain-check.js";
import { checkArguments } from "./check-arguments.js";
import { listChains, readLines, type SegmentFiles } from "./files.js";
import { type Head, type Line, parseLine } from "./lines.js";
import { type Placed, placeLines } from "./placing.js";
import type { VerifyLogSignature } from "./signatures.js";
import { parseTombstone, type Tombstone } from "./tombstone.js";

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
  const problems = chains.flatMap((chain, index) => [...chain.problems, ...(reports[index]?.problems ?? [])]);
  return { chains: reports.map(({ chain }) => chain), problems: [...problems, ...absent.map(absentChain)] };
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

/** One chain as it was read from its files. */
interface ReadChain {
  readonly writer: string;
  readonly tombstones: readonly Tombstone[];
  readonly read: readonly { readonly line: Line; readonly file: string }[];
  readonly links: readonly Head[];
  readonly argumentFiles: readonly { readonly file: string; readonly lines: readonly string[] }[];
  readonly problems: readonly LogProblem[];
}

function readChain(
  folder: string,
  writer: string,
  { segments, verify }: { readonly segments: readonly SegmentFiles[]; readonly verify: VerifyLogSignature },
): ReadChain {
  const read: { line: Line; file: string }[] = [];
  const tombstones: Tombstone[] = [];
  const problems: LogProblem[] = [];
  const argumentFiles: { file: string; lines: readonly string[] }[] = [];
  for (const { segment, log: file, removed, arguments: kept } of segments) {
    if (kept !== undefined) argumentFiles.push({ file: kept, lines: readLines(folder, kept).lines });
    if (file !== undefined) {
      const { lines, rest } = readLines(folder, file);
      for (const text of lines) read.push({ line: parseLine(text), file });
      if (rest !== "") problems.push(incomplete(writer, file, rest));
    } else if (removed !== undefined) {
      const tombstone = parseTombstone(readLines(folder, removed).lines.join("\n"), verify);
      if (tombstone !== undefined && tombstone.writer === writer && tombstone.segment === segment)
        tombstones.push(tombstone);
      else
        problems.push({
          kind: "signature",
          writer,
          file: removed,
          message: "this is no tombstone signed by a given key",
        });
    }
  }
  const [first] = read;
  return { writer, tombstones, read, links: linksOf(first?.line), argumentFiles, problems };
}

/** The end of a file without its line break: a crash in the middle of a write, or a cut. */
function incomplete(writer: string, file: string, rest: string): LogProblem {
  const { seq } = parseLine(rest);
  return {
    kind: "incomplete",
    writer,
    file,
    ...(seq !== undefined && { first: seq, last: seq }),
    message: `the last line${seq === undefined ? "" : ` (record ${seq})`} is not whole: a crash cut it off, or somebody did`,
  };
}

function linksOf(line: Line | undefined): readonly Head[] {
  const links = line?.type === "start" ? line.members.links : undefined;
  if (!Array.isArray(links)) return [];
  return links.flatMap((link: unknown): readonly Head[] => {
    if (!Array.isArray(link)) return [];
    const [writer, seq, hash] = link;
    return typeof writer === "string" && typeof seq === "number" && typeof hash === "string"
      ? [{ writer, seq, hash }]
      : [];
  });
}

/** What is wrong with one chain, and how it stands. `heads` are those of all chains. */
function reportOn(
  chain: ReadChain,
  verify: VerifyLogSignature,
  heads: readonly Head[],
): { readonly chain: ChainReport; readonly problems: readonly LogProblem[] } {
  const { writer, tombstones, read } = chain;
  const buried = checkTombstones(tombstones);
  const start = buried.start;
  const { lines, bySeq, late, twice, missing } = placeLines(read, start.seq);
  const lineAt = (seq: number) => bySeq.get(seq)?.line;
  const signatures = checkSignatures(writer, lines, verify);
  const own = heads.filter((head) => head.writer === writer && head.seq >= start.seq);
  const last = lines.at(-1);
  const headProblems = checkHeads(lineAt, own, last?.seq ?? start.seq - 1);
  const doubted = [...signatures.problems, ...headProblems].flatMap(({ kind, first }) =>
    kind === "removed" ? [] : first,
  );
  const altered = new Set([...checkHashes(lines, start, doubted), ...checkHeaders(writer, lines)]);
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
    ...(altered.size === 0 ? [] : lines.filter(({ seq }) => altered.has(seq))).map((one) =>
      nameOf("altered", one, `record ${one.seq} was altered`),
    ),
    ...late.map((one) => nameOf("reordered", one, `record ${one.seq} stands behind a later one`)),
    ...twice.map((one) => nameOf("added", one, `record ${one.seq} is there twice`)),
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

/** The first line of a file says whose chain it is, and the very first one begins it. Numbers of lines that say otherwise. */
function checkHeaders(writer: string, lines: readonly Placed[]): readonly number[] {
  const wrong: number[] = [];
  let previous: string | undefined;
  for (const { line, seq, file } of lines) {
    const begins = file !== previous;
    previous = file;
    if (!begins) continue;
    if (line.type !== (seq === 0 ? "start" : "segment") || line.members.writer !== writer) wrong.push(seq);
  }
  return wrong;
}
