import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** `<start in seconds>-<16 hex digits>`: chains sort by their start. */
const NAME = /^([0-9]{10}-[0-9a-f]{16})\.([0-9]{6})\.(log|arguments|removed)\.jsonl?$/;

type FileKind = "log" | "arguments" | "removed";

/** One segment file, with what lies beside it. */
export interface SegmentFiles {
  readonly writer: string;
  /** From 1. */
  readonly segment: number;
  /** Names inside the folder; absent where there is no such file. */
  readonly log?: string;
  readonly arguments?: string;
  /** The tombstone that stands for a segment whose time was over. */
  readonly removed?: string;
}

export function segmentFile(writer: string, segment: number, kind: FileKind): string {
  return `${writer}.${String(segment).padStart(6, "0")}.${kind}.${kind === "removed" ? "json" : "jsonl"}`;
}

/** Every segment of every chain, in the order of chains and segments. @throws what the file system throws. */
export function listSegments(folder: string): readonly SegmentFiles[] {
  const found = new Map<string, SegmentFiles>();
  for (const name of readdirSync(folder).sort()) {
    const [, writer, segment, kind] = NAME.exec(name) ?? [];
    if (writer === undefined || segment === undefined || kind === undefined) continue;
    const key = `${writer}.${segment}`;
    found.set(key, { ...found.get(key), writer, segment: Number(segment), [kind]: name });
  }
  return [...found.values()];
}

/** Segments by chain, in the order in which the chains began. */
export function listChains(folder: string): ReadonlyMap<string, readonly SegmentFiles[]> {
  const chains = new Map<string, SegmentFiles[]>();
  for (const segment of listSegments(folder)) {
    const chain = chains.get(segment.writer);
    if (chain === undefined) chains.set(segment.writer, [segment]);
    else chain.push(segment);
  }
  return chains;
}

export interface Lines {
  readonly lines: readonly string[];
  readonly rest: string;
}

/**
 * Complete lines, and what is left after the last line break (`""` in a file that was closed well). Lines are ASCII; they are read as
 * Latin-1, so that any other byte stays a difference instead of becoming a replacement character.
 * @throws what the file system throws.
 */
export function readLines(folder: string, name: string): Lines {
  return linesOf(readFileSync(join(folder, name)));
}

export function linesOf(bytes: Buffer): Lines {
  const lines = bytes.toString("latin1").split("\n");
  const rest = lines.pop() ?? "";
  return { lines, rest };
}
