import { closeSync, fsyncSync, mkdirSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import type { System } from "@sallyport/auth";
import { type ChainLimits, ChainWriter } from "./chain-writer.js";
import { listChains, readLines, type SegmentFiles } from "./files.js";
import { type Head, parseLine } from "./lines.js";
import type { OpenLogFile } from "./log-file.js";
import { type KeySealer, openLogKey } from "./log-key.js";
import type { LogSigner } from "./signatures.js";

export interface OpenLogOptions {
  /** Made with mode 0700 if it is absent. */
  readonly folder: string;
  readonly sealer: KeySealer;
  readonly system: System;
  readonly limits?: Partial<ChainLimits>;
  readonly openFile?: OpenLogFile;
}

/**
 * Begins this process's chain. Its first line answers for the chains that are there, so that none of them can vanish or lose its end
 * unnoticed; only the newest one stands by itself. @throws what the file system throws, and Error for a key of another master key.
 */
export async function openDecisionLog(
  options: OpenLogOptions,
): Promise<{ readonly chain: ChainWriter; readonly signer: LogSigner }> {
  const { folder, sealer, system, limits, openFile } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const signer = await openLogKey(folder, sealer);
  const chain = await ChainWriter.open({
    folder,
    signer,
    system,
    links: unlinkedHeads(folder),
    ...(limits && { limits }),
    ...(openFile && { openFile }),
  });
  return { chain, signer };
}

/** The ends of all chains that no other chain answers for yet. */
function unlinkedHeads(folder: string): readonly Head[] {
  const heads: Head[] = [];
  const linked = new Set<string>();
  for (const [writer, segments] of listChains(folder)) {
    const head = headOf(folder, writer, segments);
    if (head !== undefined) heads.push(head);
    const first = segments[0]?.log;
    const links = first === undefined ? undefined : parseLine(readLines(folder, first).lines[0] ?? "").members.links;
    if (Array.isArray(links)) for (const link of links) linked.add(JSON.stringify(link));
  }
  return heads.filter(({ writer, seq, hash }) => !linked.has(JSON.stringify([writer, seq, hash])));
}

function headOf(folder: string, writer: string, segments: readonly SegmentFiles[]): Head | undefined {
  const file = segments.findLast(({ log }) => log !== undefined)?.log;
  if (file === undefined || statSync(join(folder, file)).size === 0) return undefined;
  // What is answered for must not be lost by a power cut afterwards.
  const descriptor = openSync(join(folder, file), "r");
  fsyncSync(descriptor);
  closeSync(descriptor);
  const { seq, hash } = parseLine(readLines(folder, file).lines.at(-1) ?? "");
  return seq === undefined ? undefined : { writer, seq, hash };
}
