import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { listSegments } from "./files.js";
import { type Head, parseLine } from "./lines.js";
import { decided, logFolder, openTestLog, verifySignature } from "./testing/log-folder.js";
import { verifyLog } from "./verify.js";

const RECORDS = 1_000;

interface Written {
  readonly files: ReadonlyMap<string, Buffer>;
  readonly head: Head;
}

/** A log of 1,000 records in several segments, with a checkpoint every 100. */
async function writeLog(folder: string): Promise<Written> {
  const { chain, recorder } = await openTestLog(folder, { limits: { checkpointRecords: 100, segmentBytes: 150_000 } });
  for (let id = 0; id < RECORDS; id++) {
    recorder.record(decided({ id, args: { contact: id, note: "Grüße" }, denied: id % 7 === 0 }));
    if (id % 50 === 49) await chain.durable();
  }
  await chain.close();
  const names = listSegments(folder).flatMap((files) => [files.log, files.arguments]);
  const files = new Map(
    names.flatMap((name) => (name === undefined ? [] : [[name, readFileSync(join(folder, name))]])),
  );
  return { files, head: chain.head };
}

function restore(folder: string, files: ReadonlyMap<string, Buffer>): void {
  for (const [name, bytes] of files) writeFileSync(join(folder, name), bytes);
}

const check = (folder: string, heads: readonly Head[] = []) => verifyLog({ folder, verify: verifySignature, heads });
const named = (folder: string, heads: readonly Head[]) =>
  check(folder, heads).problems.map(({ kind, first, last }) => ({ kind, first, last }));

describe("a log of 1,000 records with a known head", () => {
  let folder = "";
  let written: Written;
  let logs: readonly (readonly [name: string, bytes: Buffer])[] = [];

  beforeAll(async () => {
    const { mkdtempSync } = await import("node:fs");
    folder = mkdtempSync(join((await import("node:os")).tmpdir(), "decision-log-"));
    written = await writeLog(folder);
    logs = [...written.files].filter(([name]) => name.includes(".log."));
    return () => rmSync(folder, { recursive: true, force: true });
  });

  it("verifies as it was written, in several segments", () => {
    const { chains, problems } = check(folder, [written.head]);
    expect(problems).toEqual([]);
    expect(chains).toMatchObject([{ records: RECORDS, ended: true, complete: written.head.seq }]);
    expect(logs.length).toBeGreaterThan(2);
  });

  /** Changes one file, looks, and puts it back. */
  const tampered = (name: string, bytes: Buffer | undefined): ReturnType<typeof named> => {
    try {
      if (bytes === undefined) rmSync(join(folder, name));
      else writeFileSync(join(folder, name), bytes);
      return named(folder, [written.head]);
    } finally {
      restore(folder, written.files);
    }
  };
  const anyLog = () => fc.nat(logs.length - 1);
  const logAt = (index: number) => logs[index] ?? expect.unreachable("no such file");
  const linesOf = (bytes: Buffer) => bytes.toString("latin1").split("\n").slice(0, -1);
  const joined = (lines: readonly string[]) => Buffer.from(`${lines.join("\n")}\n`, "latin1");
  const seqOf = (line: string | undefined) => parseLine(line ?? "").seq ?? -1;
  const names = (problems: ReturnType<typeof named>, seq: number) =>
    problems.some(({ first = -1, last = -1 }) => first <= seq && seq <= last);

  it("names the record of any changed byte", () => {
    const change = fc.record({ file: anyLog(), at: fc.nat(), xor: fc.integer({ min: 1, max: 255 }) });
    fc.assert(
      fc.property(change, ({ file, at, xor }) => {
        const [name, bytes] = logAt(file);
        const place = at % bytes.length;
        const changed = Buffer.from(bytes);
        changed[place] = (bytes[place] ?? 0) ^ xor;
        const line = bytes.subarray(0, place).toString("latin1").split("\n").length - 1;
        const lines = linesOf(bytes);
        const problems = tampered(name, changed);
        // A line break belongs to the line before it and to the one after it.
        expect(names(problems, seqOf(lines[line])) || names(problems, seqOf(lines[line + 1]))).toBe(true);
        expect(problems.length).toBeLessThan(5);
      }),
      { numRuns: 100 },
    );
  });

  it("names any removed record, and that alone", () => {
    fc.assert(
      fc.property(anyLog(), fc.nat(), (file, at) => {
        const [name, bytes] = logAt(file);
        const lines = linesOf(bytes);
        const [gone] = lines.splice(at % lines.length, 1);
        const seq = seqOf(gone);
        const problems = tampered(name, joined(lines));
        expect(problems).toContainEqual({ kind: "removed", first: seq, last: seq });
      }),
      { numRuns: 50 },
    );
  });

  it("names two records that changed places", () => {
    fc.assert(
      fc.property(anyLog(), fc.nat(), fc.nat(), (file, one, other) => {
        const [name, bytes] = logAt(file);
        const lines = linesOf(bytes);
        const [a, b] = [one % lines.length, other % lines.length];
        fc.pre(a !== b);
        const [first, second] = [lines[a] ?? "", lines[b] ?? ""];
        lines[a] = second;
        lines[b] = first;
        const higher = Math.max(seqOf(first), seqOf(second));
        expect(tampered(name, joined(lines))).toContainEqual({ kind: "reordered", first: higher, last: higher });
      }),
      { numRuns: 50 },
    );
  });

  it("names what any truncation took, whole files included", () => {
    fc.assert(
      fc.property(anyLog(), fc.nat(), (file, at) => {
        const [name, bytes] = logAt(file);
        const kept = bytes.subarray(0, at % bytes.length);
        const lines = linesOf(bytes);
        const left = kept.toString("latin1").split("\n").length - 1;
        const problems = tampered(name, kept);
        for (const line of lines.slice(left)) expect(names(problems, seqOf(line))).toBe(true);
      }),
      { numRuns: 50 },
    );
    for (const [name, bytes] of logs) {
      const lines = linesOf(bytes);
      const problems = tampered(name, undefined);
      expect(problems).toContainEqual({ kind: "removed", first: seqOf(lines[0]), last: seqOf(lines.at(-1)) });
    }
  });

  it("finds arguments that are not the ones a record commits to, and takes erased ones for what they are", () => {
    const [name, bytes] = [...written.files].find(([file]) => file.includes(".arguments.")) ?? expect.unreachable();
    const text = bytes.toString("latin1");
    expect(tampered(name, Buffer.from(text.replace('"contact":3,', '"contact":4,')))).toMatchObject([
      { kind: "arguments" },
    ]);
    const [, second = ""] = text.split("\n");
    expect(tampered(name, Buffer.from(text.replace(second, " ".repeat(second.length))))).toEqual([]);
    expect(tampered(name, undefined)).toEqual([]);
  });

  it("finds a line that was signed anew with another key", () => {
    const [name, bytes] = logs.at(-1) ?? expect.unreachable();
    const swapped = bytes.toString("latin1").replace(/"signature":"(.)(.)/g, '"signature":"$2$1');
    expect(tampered(name, Buffer.from(swapped)).some(({ kind }) => kind === "signature")).toBe(true);
  });
});

describe("without a head", () => {
  it("says up to which checkpoint a chain is complete, and sees nothing that was cut off behind it", async () => {
    const folder = logFolder();
    const { chain, recorder } = await openTestLog(folder, { limits: { checkpointRecords: 10 } });
    for (let id = 0; id < 10; id++) recorder.record(decided({ id }));
    await chain.durable();
    for (let id = 0; id < 5; id++) recorder.record(decided({ id }));
    await chain.durable();
    const { head } = chain;
    const name = listSegments(folder)[0]?.log ?? "";
    const lines = readFileSync(join(folder, name), "latin1").split("\n");
    writeFileSync(join(folder, name), `${lines.slice(0, 13).join("\n")}\n`);
    expect(check(folder)).toMatchObject({ problems: [], chains: [{ checkpoint: 11, complete: 11, ended: false }] });
    expect(named(folder, [head])).toEqual([{ kind: "removed", first: 13, last: 16 }]);
    await chain.close().catch(() => {});
  });

  it("a later chain answers for the end of an earlier one", async () => {
    const folder = logFolder();
    const { chain, recorder } = await openTestLog(folder);
    recorder.record(decided());
    await chain.close();
    const later = await openTestLog(folder, { links: [chain.head] });
    await later.chain.close();
    expect(check(folder).problems).toEqual([]);
    const name = listSegments(folder).find(({ writer }) => writer === chain.writer)?.log ?? "";
    const lines = readFileSync(join(folder, name), "latin1").split("\n");
    writeFileSync(join(folder, name), `${lines[0]}\n`);
    expect(named(folder, [])).toEqual([{ kind: "removed", first: 1, last: 2 }]);
    rmSync(join(folder, name));
    expect(named(folder, [])).toEqual([{ kind: "removed", first: 0, last: 2 }]);
  });
});
