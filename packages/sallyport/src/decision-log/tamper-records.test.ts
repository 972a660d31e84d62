import { describe, expect, it } from "vitest";
import { incompleteLine } from "./read-chain.js";
import { createExpectations, createMisses, named, writeTamperedLog } from "./testing/tampered-log.js";

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

  it("names each stretch of records that is removed: all of them, from two records to nearly all", async () => {
    const { read, problemsOf, stretch } = await writeTamperedLog();
    const { misses, check } = createExpectations();
    let tried = 0;
    for (let first = 0; first < read.length; first++) {
      for (let last = first + 1; last < read.length; last++) {
        const { start, lines, problemsOf: problemsOfPart } = stretch(first, last);
        const problems = problemsOfPart(lines.toSpliced(first - start, last - first + 1));
        check(`without ${first} to ${last}`, problems, `removed ${first}-${last}`);
        // The part of the log says what the whole of it says.
        if (tried % 499 === 0) expect(problems).toEqual(problemsOf(read.toSpliced(first, last - first + 1)));
        tried++;
      }
    }
    expect(misses).toEqual([]);
    expect(tried).toBe((read.length * (read.length - 1)) / 2);
  });

  it("names what is missing where the log ends earlier, after every line of it", async () => {
    const { read, problemsOf, head } = await writeTamperedLog();
    const { misses, check } = createExpectations();
    for (let left = 0; left < read.length; left++) {
      check(`the first ${left} lines`, problemsOf(read.slice(0, left)), `removed ${left}-${head.seq}`);
    }
    expect(misses).toEqual([]);
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
