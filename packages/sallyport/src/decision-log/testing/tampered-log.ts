import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { LogProblem } from "../chain-check.js";
import type { Decided } from "../contract.js";
import { listSegments, readLines } from "../files.js";
import { type Head, type Line, parseLine } from "../lines.js";
import type { ReadChain } from "../read-chain.js";
import type { VerifyLogSignature } from "../signatures.js";
import type { Tombstone } from "../tombstone.js";
import { reportOn, verifyLog } from "../verify.js";
import { decided, logFolder, openTestLog, verifySignature } from "./log-folder.js";

const RECORDS = 1_000;
const RECORDS_IN_FILE = 40;

export type ReadLine = ReadChain["read"][number];

/** One file of the log, as text of one character for each byte. */
export interface TamperedFile {
  readonly file: string;
  readonly text: string;
  /** Without their line breaks. */
  readonly lines: readonly string[];
  /** Index of its first line among all lines. */
  readonly first: number;
}

export interface TamperedLog {
  readonly folder: string;
  readonly writer: string;
  readonly head: Head;
  readonly files: readonly TamperedFile[];
  /** All lines of all files as they were written; the one at index n has the number n. */
  readonly read: readonly ReadLine[];
  /** The whole check of a chain of which these lines are left. Lines that were not touched are hashed once and not again. */
  problemsOf(read: readonly ReadLine[]): readonly LogProblem[];
  /** The part of the log in which lines `first` to `last` may be changed, and be checked without the rest. */
  stretch(first: number, last: number): Stretch;
}

/**
 * A part of the log that is checked alone, by the same code: the whole check of every change would take days. It begins with a file, as a log
 * does from which retention took the files before: their tombstone says where the chain stood. It ends two lines behind what is changed, with a
 * head that is known. Every step of the check looks at one line and the next, at which numbers are there, and at the heads; the lines left
 * out are whole and in their places, so nothing is said of them, and what is said of the others is the same. The tests compare both, too, for a sample of what they change.
 */
export interface Stretch {
  /** Number of its first line, and the one behind its last. */
  readonly start: number;
  readonly end: number;
  readonly lines: readonly ReadLine[];
  problemsOf(left: readonly ReadLine[]): readonly LogProblem[];
}

/** A signature over the same text is good or bad once and for all. */
function rememberVerified(verify: VerifyLogSignature): VerifyLogSignature {
  const known = new Map<string, { readonly kid: string; readonly text: string; readonly good: boolean | undefined }>();
  return (kid, text, signature) => {
    const before = known.get(signature);
    if (before !== undefined && before.kid === kid && before.text === text) return before.good;
    const good = verify(kid, text, signature);
    if (before === undefined) known.set(signature, { kid, text, good });
    return good;
  };
}

/** Short ones, so that there are fewer bytes to change: one tool is called for each three lists that are asked for. */
function recordOf(id: number): Decided {
  const made = decided({ id, denied: id % 7 === 0, args: { contact: id } });
  const [judged] = made.judged;
  if (judged === undefined) throw new Error("nothing was judged");
  const list = {
    ...judged.call,
    method: "tools/list",
    kind: "protocol",
    name: undefined,
    arguments: undefined,
  } as const;
  const call = id % 4 === 0 ? judged.call : list;
  const principal = {
    ...made.who.principal,
    actor: undefined,
    chain: [],
    roles: [],
    jti: `t${id % 3}`,
    sid: "s",
    iss: "https://a",
  };
  return {
    ...made,
    judged: [{ ...judged, call }],
    byMessage: [[call]],
    who: { principal, entitled: [] },
    request: { method: "POST", remoteAddress: undefined },
  };
}

/** A log of 1,000 records in 25 files, each with a checkpoint at its end, closed well. Its head is known. */
export async function writeTamperedLog(): Promise<TamperedLog> {
  const folder = logFolder();
  const { chain, recorder } = await openTestLog(folder, { limits: { segmentBytes: RECORDS_IN_FILE } });
  for (let id = 0; id < RECORDS; id++) {
    recorder.record(recordOf(id));
    // So few bytes are a full file: it is one batch.
    if (id % RECORDS_IN_FILE === RECORDS_IN_FILE - 1) await chain.durable();
  }
  await chain.close();
  const { head, writer } = chain;
  const verify = rememberVerified(verifySignature);
  const names = listSegments(folder).flatMap(({ log }) => log ?? []);
  const read: ReadLine[] = [];
  const files = names.map((file): TamperedFile => {
    const { lines } = readLines(folder, file);
    const first = read.length;
    for (const text of lines) read.push({ line: parseLine(text), file });
    return { file, text: readFileSync(join(folder, file), "latin1"), lines, first };
  });
  const check = (left: readonly ReadLine[], tombstones: readonly Tombstone[], known: Head) =>
    reportOn({ writer, tombstones, read: left, links: [], argumentFiles: [], problems: [] }, verify, [known]).problems;
  const problemsOf = (left: readonly ReadLine[]) => check(left, [], head);
  const stretch = (first: number, last: number): Stretch => {
    // The line before decides, too, what is said of a changed one.
    const before = Math.max(0, first - 1);
    const { first: start = 0 } = files.findLast((file) => file.first <= before) ?? {};
    const end = Math.min(read.length, last + 3);
    const hashAt = (seq: number) => (read[seq] as ReadLine).line.hash;
    const tombstone = { writer, segment: 1, first: 0, last: start - 1, prev: "", ended: false, removed: 0 };
    const tombstones = start === 0 ? [] : [{ ...tombstone, hash: hashAt(start - 1) }];
    const known = { writer, seq: end - 1, hash: hashAt(end - 1) };
    return { start, end, lines: read.slice(start, end), problemsOf: (left) => check(left, tombstones, known) };
  };
  // Nothing is wrong before anything is done, be it read from its files or line by line.
  const { chains, problems } = verifyLog({ folder, verify: verifySignature, heads: [head] });
  expect({ problems, chains }).toMatchObject({ problems: [], chains: [{ records: RECORDS, complete: head.seq }] });
  expect(problemsOf(read)).toEqual([]);
  expect(read.every(({ line }, index) => line.seq === index)).toBe(true);
  expect(files.length).toBe(RECORDS / RECORDS_IN_FILE + 1);
  return { folder, writer, head, files, read, problemsOf, stretch };
}

/** What was changed of a log, and what the check said about it instead of what it should have said. */
export interface Missed {
  readonly change: string;
  readonly problems: readonly LogProblem[];
}

/** Remembers the first few of the changes that were not named as they should be: there may be hundreds of thousands. */
export function createMisses(): { readonly misses: readonly Missed[]; add(missed: Missed): void } {
  const misses: Missed[] = [];
  return {
    misses,
    add: (missed) => {
      if (misses.length < 20) misses.push(missed);
    },
  };
}

/** `kind first-last` of every problem: what a change is expected to be called. */
export const named = (problems: readonly LogProblem[]) =>
  problems.map(({ kind, first, last }) => `${kind} ${first}-${last}`).join(", ");

/** Collects what was called otherwise than it is. */
export function createExpectations() {
  const { misses, add } = createMisses();
  return {
    misses,
    check: (change: string, problems: readonly LogProblem[], ...expected: readonly string[]) => {
      const said = named(problems);
      if (!expected.includes(said)) add({ change, problems });
    },
  };
}

export function lineOf(file: string, text: string): ReadLine {
  return { line: parseLine(text) satisfies Line, file };
}
