import { listChains, readLines } from "./files.js";
import { parseObject } from "./lines.js";
import type { DecisionRecord } from "./record.js";

/** Members that differ from record to record even where the same principal asks the same thing again. */
type Own =
  | "type"
  | "time"
  | "latencyUs"
  | "arguments"
  | "trace"
  | "requestId"
  | "decisionId"
  | "upstreamToken"
  | "inexact";

/** What records of the same principal asking the same thing have in common. */
export type SharedRecord = Omit<DecisionRecord, Own>;

export interface ScannedRecord {
  readonly writer: string;
  readonly seq: number;
  readonly time: number;
  /** The call had arguments, whatever is kept of them. */
  readonly committed: boolean;
  readonly inexact: boolean;
  /** The very same object for records that agree in all of it, so that what was found out about one holds for the others. */
  readonly shared: SharedRecord;
  /** JSON text of what is kept of the arguments; `undefined`: nothing. */
  keptArguments(): string | undefined;
}

export interface ScanOptions {
  readonly folder: string;
  /** Integer seconds; earlier records are left out. */
  readonly since?: number;
}

/** Shared parts remembered; forgotten all at once when there are more. */
const MAX_SHARED = 100_000;

/**
 * Every decision of a folder, chain by chain, for questions about all of them: a million take seconds, since what records have in common
 * is read once. Nothing is verified. @throws what the file system throws.
 */
export function* scanRecords({ folder, since = 0 }: ScanOptions): Generator<ScannedRecord> {
  const parse = createParser();
  for (const [writer, segments] of listChains(folder)) {
    for (const { log, arguments: file } of segments) {
      if (log === undefined) continue;
      const kept = new KeptArguments(folder, file);
      for (const text of readLines(folder, log).lines) {
        const found = parse(text, since);
        if (found !== undefined) yield new Scanned(writer, found, kept);
      }
    }
  }
}

/** Arguments lie in the file with the number of their record's file, and are read only when somebody asks. */
class KeptArguments {
  #bySeq: ReadonlyMap<number, string> | undefined;

  constructor(
    private readonly folder: string,
    private readonly file: string | undefined,
  ) {}

  get(seq: number): string | undefined {
    this.#bySeq ??= this.file === undefined ? new Map() : readKept(this.folder, this.file);
    return this.#bySeq.get(seq);
  }
}

/** Made a million times: without spreads and closures, which take longer than the rest. */
class Scanned implements ScannedRecord {
  readonly seq: number;
  readonly time: number;
  readonly committed: boolean;
  readonly inexact: boolean;
  readonly shared: SharedRecord;

  constructor(
    readonly writer: string,
    found: Found,
    private readonly kept: KeptArguments,
  ) {
    this.seq = found.seq;
    this.time = found.time;
    this.committed = found.committed;
    this.inexact = found.inexact;
    this.shared = found.shared;
  }

  keptArguments(): string | undefined {
    return this.kept.get(this.seq);
  }
}

type Found = Omit<ScannedRecord, "writer" | "keptArguments">;

/** The beginning of a decision as it is written. Most of a long log is older than what is asked for, and need not be read further. */
const DECISION = /^\{"seq":(\d{1,15}),"prev":"[\w-]*","type":"decision","time":(\d{1,15}),/;
/** Everything from here on is common to many lines. Quotes cannot stand like this inside a text of JSON. */
const SHARED_FROM = ',"server":';

/** `undefined` for a line that is no decision, or one of before. */
function createParser(): (text: string, since: number) => Found | undefined {
  const known = new Map<string, SharedRecord>();
  return (text, since) => {
    const [, seq, time] = DECISION.exec(text) ?? [];
    const at = text.indexOf(SHARED_FROM);
    if (seq === undefined || at === -1) return parseWhole(text, since);
    if (Number(time) < since) return undefined;
    const tail = text.slice(at + 1);
    let shared = known.get(tail);
    if (shared === undefined) {
      shared = parseObject(`{${tail}`) as unknown as SharedRecord;
      if (known.size >= MAX_SHARED) known.clear();
      known.set(tail, shared);
    }
    const own = text.slice(0, at);
    const committed = own.includes(',"arguments":"');
    return { seq: Number(seq), time: Number(time), committed, inexact: own.includes(',"inexact":true'), shared };
  };
}

function parseWhole(text: string, since: number): Found | undefined {
  const { type, seq, time, arguments: args, inexact, ...shared } = parseObject(text);
  if (type !== "decision" || typeof seq !== "number" || typeof time !== "number" || time < since) return undefined;
  const own = { seq, time, committed: args !== undefined, inexact: inexact === true };
  return { ...own, shared: shared as unknown as SharedRecord };
}

const KEPT_FROM = ',"arguments":';

function readKept(folder: string, file: string): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  for (const line of readLines(folder, file).lines) {
    const at = line.indexOf(KEPT_FROM);
    const seq = Number.parseInt(line.slice('{"seq":'.length), 10);
    if (at !== -1 && !Number.isNaN(seq)) found.set(seq, line.slice(at + KEPT_FROM.length, -1));
  }
  return found;
}
