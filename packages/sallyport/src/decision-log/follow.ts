import { beginLine, type ChainStart, hashLine } from "./lines.js";

const LINE_FEED = 0x0a;

/**
 * The whole of what makes a file part of a chain, in one place: each line begins with its number and the hash of the line before, spelled
 * as they are written, and ends with a line break. Answers where the chain stands behind the file, or `undefined` where it does not go on
 * from `from`. Whoever knows the answer from elsewhere (a head) knows every byte: another one breaks a beginning, or changes a hash that
 * the next line, or the head, says. Whose fault it is, `verify` finds out; that something is wrong never hangs on its finding that.
 */
export function followFile(bytes: Buffer, from: ChainStart | undefined): ChainStart | undefined {
  let place = from;
  let start = 0;
  while (place !== undefined && start < bytes.length) {
    const end = bytes.indexOf(LINE_FEED, start);
    const begin = beginLine(place.seq, place.prev);
    if (end === -1 || bytes.toString("latin1", start, start + begin.length) !== begin) return undefined;
    place = { seq: place.seq + 1, prev: hashLine(bytes.subarray(start, end)) };
    start = end + 1;
  }
  return place;
}
