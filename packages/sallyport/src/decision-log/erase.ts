import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { listChains, readLines } from "./files.js";
import { parseObject } from "./lines.js";
import { type ReadRecord, readRecords } from "./read.js";

/**
 * Erases what is kept of the arguments of every record that `which` picks, with its salt: the bytes are overwritten where they stand, so
 * that a gateway may write to the same file meanwhile and the chain stays as it is. Answers how many. Copies and backups are not reached.
 * @throws what the file system throws.
 */
export function eraseArguments(folder: string, which: (record: ReadRecord) => boolean): number {
  const picked = new Set<string>();
  for (const record of readRecords(folder)) if (which(record)) picked.add(`${record.writer}:${record.seq}`);
  let erased = 0;
  for (const [writer, segments] of listChains(folder)) {
    for (const { arguments: file } of segments) {
      if (file !== undefined) erased += eraseLines(folder, file, (seq) => picked.has(`${writer}:${seq}`));
    }
  }
  return erased;
}

function eraseLines(folder: string, file: string, which: (seq: unknown) => boolean): number {
  const descriptor = openSync(join(folder, file), "r+");
  let erased = 0;
  let position = 0;
  try {
    for (const line of readLines(folder, file).lines) {
      if (line.trim() !== "" && which(parseObject(line).seq)) {
        writeSync(descriptor, " ".repeat(line.length), position);
        erased += 1;
      }
      position += line.length + 1;
    }
  } finally {
    closeSync(descriptor);
  }
  return erased;
}
