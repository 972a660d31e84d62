import { expect, it } from "vitest";
import type { LogProblem } from "./chain-check.js";
import { incompleteLine } from "./read-chain.js";
import { createMisses, lineOf, type ReadLine, type TamperedFile, writeTamperedLog } from "./testing/tampered-log.js";

/** At least one problem, and nobody else is named. What is left of a cut line may have no number to be told. */
const onlyNames = (problems: readonly LogProblem[], seqs: readonly number[]) => {
  const isNamed = ({ first = -1, last = -1 }: LogProblem) => seqs.some((seq) => first <= seq && seq <= last);
  return problems.some(isNamed) && problems.every((one) => isNamed(one) || one.kind === "incomplete");
};

/**
 * Lines of a file in which the character `at` of its line `index` is another one. A line break belongs to two lines: without it they are one, and
 * the last line is none.
 */
function changedLines({ file, lines }: TamperedFile, index: number, { at, to }: { at: number; to: string }) {
  const text = lines[index] ?? "";
  if (at < text.length) {
    const changed = text.slice(0, at) + to + text.slice(at + 1);
    return { replaced: 1, by: changed.split("\n").map((one) => lineOf(file, one)), rest: "" };
  }
  const next = lines[index + 1];
  if (next === undefined) return { replaced: 1, by: [], rest: text + to };
  return { replaced: 2, by: [lineOf(file, text + to + next)], rest: "" };
}

it("names the record of each single byte that is changed, at every place of the log", {
  timeout: 600_000,
}, async () => {
  const { writer, files, read, problemsOf } = await writeTamperedLog();
  const { misses, add } = createMisses();
  let tried = 0;
  for (const one of files) {
    let start = 0;
    one.lines.forEach((text, index) => {
      const seq = one.first + index;
      for (let at = 0; at <= text.length; at++) {
        // Another value at every place, never the one that is there: 1 to 255 in turn.
        const to = String.fromCharCode((one.text.charCodeAt(start + at) ?? 0) ^ ((tried % 255) + 1));
        const { replaced, by, rest } = changedLines(one, index, { at, to });
        const left: ReadLine[] = read.slice();
        left.splice(seq, replaced, ...by);
        const problems = [...incompleteLine(writer, one.file, rest), ...problemsOf(left)];
        if (!onlyNames(problems, replaced === by.length ? [seq] : [seq, seq + 1]))
          add({ change: `record ${seq}, byte ${at}: ${JSON.stringify(to)}`, problems });
        tried++;
      }
      start += text.length + 1;
    });
  }
  expect(misses).toEqual([]);
  expect(tried).toBe(files.reduce((sum, { text }) => sum + text.length, 0));
});
