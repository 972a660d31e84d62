import { describe, expect, it } from "vitest";
import type { LogProblem } from "./chain-check.js";
import { incompleteLine } from "./read-chain.js";
import { createMisses, type ReadLine, writeTamperedLog } from "./testing/tampered-log.js";

/** `kind first-last` of every problem: what a change is expected to be called. */
const named = (problems: readonly LogProblem[]) =>
  problems.map(({ kind, first, last }) => `${kind} ${first}-${last}`).join(", ");

/** Collects what was called otherwise than it is. */
function createExpectations() {
  const { misses, add } = createMisses();
  return {
    misses,
    check: (change: string, problems: readonly LogProblem[], ...expected: readonly string[]) => {
      const said = named(problems);
      if (!expected.includes(said)) add({ change, problems });
    },
  };
}

describe("a log of 1,000 records with a known head", { timeout: 600_000 }, () => {
  it("names each record that is removed, and each that is there twice", async () => {
    const { read, problemsOf } = await writeTamperedLog();
    const { misses, check } = createExpectations();
    read.forEach((one, seq) => {
      check(`without ${seq}`, problemsOf(read.toSpliced(seq, 1)), `removed ${seq}-${seq}`);
      check(`${seq} twice`, problemsOf(read.toSpliced(seq, 0, one)), `added ${seq}-${seq}`);
    });
    expect(misses).toEqual([]);
  });

  it("names each stretch of records that is removed, as long as it is up to 1,000", async () => {
    const { read, problemsOf } = await writeTamperedLog();
    const { misses, check } = createExpectations();
    const lengths = [2, 3, 10, 99, 100, 101, 500, 1_000];
    for (const length of lengths) {
      for (let first = 0; first + length <= read.length; first++) {
        const last = first + length - 1;
        check(`without ${first} to ${last}`, problemsOf(read.toSpliced(first, length)), `removed ${first}-${last}`);
      }
    }
    expect(misses).toEqual([]);
  });

  it("names each two records that change places: all up to 100 apart, and one pair in eight beyond", async () => {
    const { read, problemsOf } = await writeTamperedLog();
    const { misses, add } = createMisses();
    const swapped: ReadLine[] = read.slice();
    let tried = 0;
    for (let one = 0; one < read.length; one++) {
      for (let other = one + 1; other < read.length; other += other - one < 100 ? 1 : 8) {
        const [first, second] = [read[one] as ReadLine, read[other] as ReadLine];
        swapped[one] = second;
        swapped[other] = first;
        const problems = problemsOf(swapped);
        if (!problems.some(({ kind, first: seq }) => kind === "reordered" && seq === one))
          add({ change: `${one} and ${other}`, problems });
        swapped[one] = first;
        swapped[other] = second;
        tried++;
      }
    }
    expect(misses).toEqual([]);
    expect(tried).toBeGreaterThan(140_000);
  });

  it("names what each truncation of each file took, after every byte", async () => {
    const { writer, files, read, problemsOf } = await writeTamperedLog();
    const { misses, add } = createMisses();
    let tried = 0;
    for (const { file, text, lines, first } of files) {
      const end = first + lines.length;
      let start = 0;
      lines.forEach((line, index) => {
        const seq = first + index;
        // What is left of whole lines is the same wherever in this line the cut is.
        const problems = problemsOf([...read.slice(0, seq), ...read.slice(end)]);
        if (named(problems) !== `removed ${seq}-${end - 1}`)
          add({ change: `${file} without its lines from ${seq} on`, problems });
        for (let at = 0; at <= line.length; at++) {
          const rest = text.slice(start, start + at);
          const cut = incompleteLine(writer, file, rest);
          const isNamed = cut.every(({ kind, first: number = seq }) => kind === "incomplete" && number === seq);
          if (cut.length !== (rest === "" ? 0 : 1) || !isNamed)
            add({ change: `${file} after byte ${start + at}`, problems: cut });
          tried++;
        }
        start += line.length + 1;
      });
      expect(start).toBe(text.length);
    }
    expect(misses).toEqual([]);
    expect(tried).toBe(files.reduce((sum, { text }) => sum + text.length, 0));
  });
});
