import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import {
  changedText,
  changesOf,
  EVERY_VALUE,
  type LineChanges,
  tryEveryPlace,
  tryValues,
} from "./testing/byte-change.js";
import { verifySignature } from "./testing/log-folder.js";
import { type TamperedLog, writeTamperedLog } from "./testing/tampered-log.js";
import { verifyLog } from "./verify.js";

const TIMEOUT = { timeout: 600_000 };

/** The first line of each kind, and those at which something ends: of a chain, of a file, a decision each way. */
function linesOfEachKind(log: TamperedLog): readonly LineChanges[] {
  const { read, files } = log;
  const find = (type: string, from: number, decision?: string) =>
    read.findIndex(({ line }, seq) => {
      const { members } = line;
      return seq >= from && line.type === type && (decision === undefined || members.decision === decision);
    });
  const segment = find("segment", 100);
  const seqs = [
    0,
    find("decision", 100, "allow"),
    find("decision", 100, "deny"),
    // The last decision of a file, the checkpoint that ends it, the line that begins the next, and its first decision.
    segment - 2,
    segment - 1,
    segment,
    segment + 1,
    read.length - 1,
  ];
  return [...new Set(seqs)].map((seq) => {
    const file = files.findLast(({ first }) => first <= seq);
    if (file === undefined) throw new Error(`no file has line ${seq}`);
    return changesOf(log, file, seq - file.first);
  });
}

it(
  "names the record of each single byte, whatever value it gets: all 255 others, in lines of each kind",
  TIMEOUT,
  async () => {
    const log = await writeTamperedLog();
    const lines = linesOfEachKind(log);
    const tried = tryValues(lines, () => EVERY_VALUE);
    expect(tried).toBe(lines.reduce((sum, { places }) => sum + places * 255, 0));
  },
);

it("names the record of each single byte that is changed, at every place", TIMEOUT, async () => {
  tryEveryPlace(await writeTamperedLog());
});

it("says of a file on the disk what it says of its lines", TIMEOUT, async () => {
  const log = await writeTamperedLog();
  let tried = 0;
  // Another place and another value in every file, and its last byte.
  for (const file of log.files) {
    const places = file.lines.flatMap((text, index) => [
      { index, at: (index * 37) % text.length, to: (index * 101 + 3) % 256 },
      ...(index === file.lines.length - 1 ? [{ index, at: text.length, to: 32 }] : []),
    ]);
    for (const { index, at, to } of places.filter((_, turn) => turn % 7 === 0 || turn >= places.length - 2)) {
      const line = changesOf(log, file, index);
      if (line.codeAt(at) === to) continue;
      const change = { seq: line.seq, at, to };
      const path = join(log.folder, file.file);
      writeFileSync(path, changedText(file, change), "latin1");
      const { problems } = verifyLog({ folder: log.folder, verify: verifySignature, heads: [log.head] });
      writeFileSync(path, file.text, "latin1");
      expect(problems).toEqual(line.check(change).problems);
      tried++;
    }
  }
  expect(tried).toBeGreaterThan(150);
});
