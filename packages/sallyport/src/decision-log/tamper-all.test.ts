import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { listSegments, readLines } from "./files.js";
import { type Line, parseLine } from "./lines.js";
import { decided, logFolder, openTestLog, verifySignature } from "./testing/log-folder.js";
import { type ReadChain, reportOn, verifyLog } from "./verify.js";

const RECORDS = 1_000;

/** A signature over the same text is good or bad once and for all. */
const checked = new Map<string, boolean | undefined>();
const verify: typeof verifySignature = (kid, text, signature) => {
  const key = `${kid} ${signature} ${text}`;
  if (!checked.has(key)) checked.set(key, verifySignature(kid, text, signature));
  return checked.get(key);
};

type Read = ReadChain["read"];

/**
 * A log of 1,000 records in one file, with a checkpoint every 100, and the check of what `verifyLog` reads from such a file: the same lines, of
 * which those that did not change need not be hashed again.
 */
async function writeLog() {
  const folder = logFolder();
  const { chain, recorder } = await openTestLog(folder, { limits: { checkpointRecords: 100 } });
  for (let id = 0; id < RECORDS; id++) {
    recorder.record(decided({ id, denied: id % 7 === 0 }));
    if (id % 50 === 49) await chain.durable();
  }
  await chain.close();
  const { head, writer } = chain;
  const [file] = listSegments(folder).flatMap(({ log }) => log ?? []);
  if (file === undefined) return expect.unreachable("no file");
  const bytes = readFileSync(join(folder, file));
  const texts = readLines(folder, file).lines;
  const read: Read = texts.map((text) => ({ line: parseLine(text), file }));
  const problemsOf = (lines: Read) => {
    const chainRead = { writer, tombstones: [], read: lines, links: [], argumentFiles: [], problems: [] };
    return reportOn(chainRead, verify, [head]).problems.length;
  };
  expect(verifyLog({ folder, verify, heads: [head] }).problems).toEqual([]);
  expect(problemsOf(read)).toBe(0);
  const lineOf = (text: string): { readonly line: Line; readonly file: string } => ({ line: parseLine(text), file });
  return { bytes, texts, read, problemsOf, lineOf };
}

it("finds each change of a single byte of a log of 1,000 records, at every place", { timeout: 3_600_000 }, async () => {
  const { bytes, texts, read, problemsOf, lineOf } = await writeLog();
  let tried = 0;
  const missed: number[] = [];
  let start = 0;
  texts.forEach((text, index) => {
    const before = read.slice(0, index);
    for (let at = 0; at <= text.length; at++) {
      // Another value at every place, never the same as before: 1 to 255 in turn.
      const value = (bytes[start + at] ?? 0) ^ (((start + at) % 255) + 1);
      const unit = String.fromCharCode(value);
      const next = texts[index + 1];
      // The line break belongs to two lines: without it they are one, and without a next line the file has no whole last line.
      const changed = at === text.length ? text + unit + (next ?? "") : text.slice(0, at) + unit + text.slice(at + 1);
      const isLast = at === text.length && next === undefined;
      // Without its line break the last line is a rest, and only what is left counts.
      const after = read.slice(at === text.length ? index + 2 : index + 1);
      const lines = isLast ? [] : changed.split("\n").map(lineOf);
      if (problemsOf([...before, ...lines, ...after]) === 0) missed.push(start + at);
      tried++;
    }
    start += text.length + 1;
  });
  expect(missed).toEqual([]);
  expect(tried).toBe(bytes.length);
});

it("finds each record that is removed, each two that change places, and each that is there twice", {
  timeout: 3_600_000,
}, async () => {
  const { read, problemsOf } = await writeLog();
  const missed: string[] = [];
  for (let one = 0; one < read.length; one++) {
    if (problemsOf(read.toSpliced(one, 1)) === 0) missed.push(`without ${one}`);
    if (problemsOf(read.toSpliced(one, 0, ...read.slice(one, one + 1))) === 0) missed.push(`${one} twice`);
    for (let other = one + 1; other < read.length; other++) {
      const [first, second] = [read[one], read[other]];
      if (first === undefined || second === undefined) expect.unreachable("no such line");
      if (problemsOf(read.with(one, second).with(other, first)) === 0) missed.push(`${one} and ${other}`);
    }
  }
  expect(missed).toEqual([]);
});

it("finds each truncation, after every byte", async () => {
  const { bytes, texts, read, problemsOf } = await writeLog();
  const missed: number[] = [];
  let kept = 0;
  texts.forEach((text, index) => {
    // Wherever the line is cut, the lines before it are what is left, with a rest that is no line and can only be one problem more.
    if (problemsOf(read.slice(0, index)) === 0) missed.push(kept);
    kept += text.length + 1;
  });
  expect(missed).toEqual([]);
  expect(kept).toBe(bytes.length);
});
