import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { LogProblem } from "../chain-check.js";
import type { Decided } from "../contract.js";
import { listSegments, readLines } from "../files.js";
import { type Head, type Line, parseLine } from "../lines.js";
import type { ReadChain } from "../read-chain.js";
import type { VerifyLogSignature } from "../signatures.js";
import { reportOn, verifyLog } from "../verify.js";
import { decided, logFolder, openTestLog, verifySignature } from "./log-folder.js";

const RECORDS = 1_000;

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
  readonly writer: string;
  readonly head: Head;
  readonly files: readonly TamperedFile[];
  /** All lines of all files as they were written; the one at index n has the number n. */
  readonly read: readonly ReadLine[];
  /** The whole check of a chain of which these lines are left. Lines that were not touched are hashed once and not again. */
  problemsOf(read: readonly ReadLine[]): readonly LogProblem[];
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

/** Short ones, so that there are fewer bytes to change. */
function recordOf(id: number): Decided {
  const made = decided({ id, denied: id % 7 === 0, args: { contact: id } });
  const principal = {
    ...made.who.principal,
    actor: undefined,
    chain: [],
    roles: [],
    jti: `t${id % 3}`,
    sid: "s",
    iss: "https://a",
  };
  return { ...made, who: { principal, entitled: [] }, request: { method: "POST", remoteAddress: undefined } };
}

/** A log of 1,000 records in several files, with a checkpoint every 100 records, closed well. Its head is known. */
export async function writeTamperedLog(): Promise<TamperedLog> {
  const folder = logFolder();
  const { chain, recorder } = await openTestLog(folder, { limits: { checkpointRecords: 100, segmentBytes: 100_000 } });
  for (let id = 0; id < RECORDS; id++) {
    recorder.record(recordOf(id));
    if (id % 50 === 49) await chain.durable();
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
  const problemsOf = (left: readonly ReadLine[]) =>
    reportOn({ writer, tombstones: [], read: left, links: [], argumentFiles: [], problems: [] }, verify, [head])
      .problems;
  // Nothing is wrong before anything is done, be it read from its files or line by line.
  const { chains, problems } = verifyLog({ folder, verify: verifySignature, heads: [head] });
  expect({ problems, chains }).toMatchObject({ problems: [], chains: [{ records: RECORDS, complete: head.seq }] });
  expect(problemsOf(read)).toEqual([]);
  expect(read.every(({ line }, index) => line.seq === index)).toBe(true);
  expect(files.length).toBeGreaterThan(2);
  return { writer, head, files, read, problemsOf };
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

export function lineOf(file: string, text: string): ReadLine {
  return { line: parseLine(text) satisfies Line, file };
}
