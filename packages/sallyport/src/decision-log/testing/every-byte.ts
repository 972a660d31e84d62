import { expect } from "vitest";
import { followFile } from "../follow.js";
import type { ChainStart } from "../lines.js";
import { createMisses, type TamperedLog } from "./tampered-log.js";

/** One line of a log and the one behind it, as the bytes of the files in which they stand, and where the chain stands on both sides of them. */
interface Window {
  readonly before: ChainStart;
  readonly after: ChainStart;
  /** The line's own file is the first. */
  readonly files: readonly Buffer[];
  /** Bytes of the line with its line break: the first ones of the first file. */
  readonly places: number;
  /** The files of the whole log, and where the first of those places is. */
  readonly whole: { readonly files: readonly Buffer[]; readonly file: number; readonly offset: number };
}

function* windowsOf({ files, read }: TamperedLog, half: 0 | 1): Generator<Window> {
  const middle = Math.ceil(files.length / 2);
  const all = files.map(({ text }) => Buffer.from(text, "latin1"));
  const placeBehind = (seq: number): ChainStart => ({ seq: seq + 1, prev: read[seq]?.line.hash ?? "" });
  for (const [file, { lines, first }] of files.entries()) {
    if (file < middle !== (half === 0)) continue;
    let offset = 0;
    for (const [index, text] of lines.entries()) {
      const seq = first + index;
      const own = `${text}\n`;
      const beside = lines[index + 1];
      const further = beside === undefined ? files[file + 1]?.lines[0] : undefined;
      const window = [`${own}${beside === undefined ? "" : `${beside}\n`}`, ...(further ? [`${further}\n`] : [])];
      yield {
        before: placeBehind(seq - 1),
        after: placeBehind(Math.min(seq + 1, read.length - 1)),
        files: window.map((one) => Buffer.from(one, "latin1")),
        places: own.length,
        whole: { files: all, file, offset },
      };
      offset += own.length;
    }
  }
}

function leadsTo(files: readonly Buffer[], from: ChainStart, to: ChainStart): boolean {
  let place: ChainStart | undefined = from;
  for (const bytes of files) place = followFile(bytes, place);
  return place?.seq === to.seq && place.prev === to.prev;
}

/**
 * Each byte of one half of the log gets each of the 255 other values: none of these logs leads from its beginning to its head. What decides is the
 * very function by which `verifyLog` reads files, from the line in question, where the chain stands as it did because nothing before was changed, to
 * the line behind it: from there on, nothing was changed either, and whoever stands elsewhere there stands elsewhere at the head. Once for each line, the whole log is asked, too.
 */
export function tryEveryByte(log: TamperedLog, half: 0 | 1): void {
  const { misses, add } = createMisses();
  const start: ChainStart = { seq: 0, prev: "" };
  const head: ChainStart = { seq: log.head.seq + 1, prev: log.head.hash };
  let tried = 0;
  let places = 0;
  for (const { before, after, files, places: own, whole } of windowsOf(log, half)) {
    const [bytes = Buffer.alloc(0)] = files;
    expect(leadsTo(files, before, after)).toBe(true);
    for (let at = 0; at < own; at++) {
      const was = bytes[at] ?? 0;
      for (let to = 0; to < 256; to++) {
        if (to === was) continue;
        bytes[at] = to;
        if (leadsTo(files, before, after)) add({ change: `${before.seq} at ${at}: ${to}`, problems: [] });
        tried++;
      }
      bytes[at] = was;
    }
    // Another place and another value for each line.
    const wholeBytes = whole.files[whole.file] as Buffer;
    const at = whole.offset + ((before.seq * 37) % own);
    const was = wholeBytes[at] ?? 0;
    wholeBytes[at] = was ^ (1 + (before.seq % 255));
    if (leadsTo(whole.files, start, head)) add({ change: `${before.seq} in the whole log`, problems: [] });
    wholeBytes[at] = was;
    places += own;
  }
  expect(misses).toEqual([]);
  expect(tried).toBe(places * 255);
}
