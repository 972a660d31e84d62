import { expect } from "vitest";
import type { LogProblem } from "../chain-check.js";
import { incompleteLine } from "../read-chain.js";
import { createMisses, lineOf, type ReadLine, type TamperedFile, type TamperedLog } from "./tampered-log.js";

/** One byte of a log that is another one. */
export interface ByteChange {
  /** Number of the line, and place in it; behind its last character stands its line break. */
  readonly seq: number;
  readonly at: number;
  /** 0 to 255. */
  readonly to: number;
}

/** What the check says of a change, and of which records it must say something: of the line's own, and of the next where two became one. */
export interface Checked {
  readonly problems: readonly LogProblem[];
  readonly seqs: readonly number[];
}

/** Changes the bytes of one line, one after the other. */
export interface LineChanges {
  readonly seq: number;
  /** As many places as the line has characters, and its line break. */
  readonly places: number;
  /** Code of what stands there. */
  codeAt(at: number): number;
  /** What is said of the part of the log around it. */
  check(change: ByteChange): Checked;
  /** What is said of the whole log. */
  checkWhole(change: ByteChange): readonly LogProblem[];
}

/**
 * Lines that stand in the place of one. A line break belongs to two lines: without it they are one; without the last one of a file, its last
 * line is none.
 */
function changedLines({ file, lines }: TamperedFile, index: number, { at, to }: ByteChange) {
  const text = lines[index] ?? "";
  const character = String.fromCharCode(to);
  if (at < text.length) {
    const changed = text.slice(0, at) + character + text.slice(at + 1);
    const parts = character === "\n" ? changed.split("\n") : [changed];
    return { replaced: 1, by: parts.map((one) => lineOf(file, one)), rest: "" };
  }
  const next = lines[index + 1];
  if (next === undefined) return { replaced: 1, by: [], rest: text + character };
  return { replaced: 2, by: [lineOf(file, text + character + next)], rest: "" };
}

export function changesOf(log: TamperedLog, file: TamperedFile, index: number): LineChanges {
  const { writer, read, problemsOf } = log;
  const text = file.lines[index] ?? "";
  const seq = file.first + index;
  const part = log.stretch(seq, seq + 1);
  const check = (change: ByteChange, whole: readonly ReadLine[], start: number) => {
    const { replaced, by, rest } = changedLines(file, index, change);
    const left = whole.slice();
    left.splice(seq - start, replaced, ...by);
    const said = whole === read ? problemsOf(left) : part.problemsOf(left);
    const problems = rest === "" ? said : [...incompleteLine(writer, file.file, rest), ...said];
    return { problems, seqs: replaced === by.length ? [seq] : [seq, seq + 1] };
  };
  return {
    seq,
    places: text.length + 1,
    codeAt: (at) => (at < text.length ? text.charCodeAt(at) : 10),
    check: (change) => check(change, part.lines, part.start),
    checkWhole: (change) => check(change, read, 0).problems,
  };
}

/** At least one problem, and nobody else is named. What is left of a cut line may have no number to be told. */
export function isNamedOnly({ problems, seqs }: Checked): boolean {
  const isNamed = ({ first = -1, last = -1 }: LogProblem) => seqs.some((seq) => first <= seq && seq <= last);
  return problems.some(isNamed) && problems.every((one) => isNamed(one) || one.kind === "incomplete");
}

/** The text of a file after a change. */
export function changedText(file: TamperedFile, { seq, at, to }: ByteChange): string {
  const before = file.lines.slice(0, seq - file.first).reduce((sum, line) => sum + line.length + 1, 0);
  return file.text.slice(0, before + at) + String.fromCharCode(to) + file.text.slice(before + at + 1);
}

export const EVERY_VALUE: readonly number[] = Array.from({ length: 256 }, (_, code) => code);

/** Tries `values` at every place of some lines: each change must be named by its record and no other. Answers how many were tried. */
export function tryValues(lines: Iterable<LineChanges>, valuesBeside: (code: number) => readonly number[]): number {
  const { misses, add } = createMisses();
  let tried = 0;
  // Most lines are no JSON any more, and nobody reads the stacks of what JSON.parse throws: they take as long as all the rest.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  for (const line of lines) {
    for (let at = 0; at < line.places; at++) {
      const code = line.codeAt(at);
      for (const to of valuesBeside(code)) {
        if (to === code) continue;
        const change = { seq: line.seq, at, to };
        const checked = line.check(change);
        if (!isNamedOnly(checked)) add({ change: JSON.stringify(change), problems: checked.problems });
        // The part of the log says what the whole of it says.
        if (tried % 997 === 0) expect(checked.problems).toEqual(line.checkWhole(change));
        tried++;
      }
    }
  }
  Error.stackTraceLimit = stackTraceLimit;
  expect(misses).toEqual([]);
  return tried;
}

const LINE_BREAK = 10;

/**
 * Every place of the log gets one other value: by turns one that differs in one bit, and a line break. All values are tried at every place of a
 * line of each kind, and `every-byte.ts` tries all of them everywhere for whether they are found: here it is whether they are named.
 */
export function tryEveryPlace(log: TamperedLog): void {
  let turn = 0;
  const tried = tryValues(
    log.files.flatMap((file) => file.lines.map((_, index) => changesOf(log, file, index))),
    (code) => {
      const bit = turn++ % 9;
      return [bit === 8 && code !== LINE_BREAK ? LINE_BREAK : code ^ (1 << (bit % 8))];
    },
  );
  expect(tried).toBe(log.files.reduce((sum, { text }) => sum + text.length, 0));
}
