import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { LogProblem } from "./chain-check.js";
import { linesOf, readLines, type SegmentFiles } from "./files.js";
import { followFile } from "./follow.js";
import { type ChainStart, type Head, type Line, parseLine } from "./lines.js";
import type { VerifyLogSignature } from "./signatures.js";
import { parseTombstone, type Tombstone } from "./tombstone.js";

/** One chain as it was read from its files. */
export interface ReadChain {
  readonly writer: string;
  readonly tombstones: readonly Tombstone[];
  readonly read: readonly { readonly line: Line; readonly file: string }[];
  readonly links: readonly Head[];
  readonly argumentFiles: readonly { readonly file: string; readonly lines: readonly string[] }[];
  readonly problems: readonly LogProblem[];
  /** The first file that does not go on from those before it, whatever is wrong with it; absent: all bytes are as they hang together. */
  readonly broken?: string;
}

export function readChain(
  folder: string,
  writer: string,
  { segments, verify }: { readonly segments: readonly SegmentFiles[]; readonly verify: VerifyLogSignature },
): ReadChain {
  const read: { line: Line; file: string }[] = [];
  const tombstones: Tombstone[] = [];
  const problems: LogProblem[] = [];
  const argumentFiles: { file: string; lines: readonly string[] }[] = [];
  let place: ChainStart | undefined = { seq: 0, prev: "" };
  let broken: string | undefined;
  for (const { segment, log: file, removed, arguments: kept } of segments) {
    if (kept !== undefined) argumentFiles.push({ file: kept, lines: readLines(folder, kept).lines });
    if (file !== undefined) {
      const bytes = readFileSync(join(folder, file));
      place = followFile(bytes, place);
      if (place === undefined) broken ??= file;
      const { lines, rest } = linesOf(bytes);
      for (const text of lines) read.push({ line: parseLine(text), file });
      problems.push(...incompleteLine(writer, file, rest));
    } else if (removed !== undefined) {
      const tombstone = parseTombstone(readLines(folder, removed).lines.join("\n"), verify);
      if (tombstone !== undefined && tombstone.writer === writer && tombstone.segment === segment) {
        tombstones.push(tombstone);
        place = { seq: tombstone.last + 1, prev: tombstone.hash };
      } else
        problems.push({
          kind: "signature",
          writer,
          file: removed,
          message: "this is no tombstone signed by a given key",
        });
    }
  }
  const [first] = read;
  const links = linksOf(first?.line);
  return { writer, tombstones, read, links, argumentFiles, problems, ...(broken !== undefined && { broken }) };
}

/** The end of a file without its line break: a crash in the middle of a write, or a cut. `rest`: what follows the last line break. */
export function incompleteLine(writer: string, file: string, rest: string): readonly LogProblem[] {
  if (rest === "") return [];
  const { seq } = parseLine(rest);
  return [
    {
      kind: "incomplete",
      writer,
      file,
      ...(seq !== undefined && { first: seq, last: seq }),
      message: `the last line${seq === undefined ? "" : ` (record ${seq})`} is not whole: a crash cut it off, or somebody did`,
    },
  ];
}

function linksOf(line: Line | undefined): readonly Head[] {
  const links = line?.type === "start" ? line.members.links : undefined;
  if (!Array.isArray(links)) return [];
  return links.flatMap((link: unknown): readonly Head[] => {
    if (!Array.isArray(link)) return [];
    const [writer, seq, hash] = link;
    return typeof writer === "string" && typeof seq === "number" && typeof hash === "string"
      ? [{ writer, seq, hash }]
      : [];
  });
}
