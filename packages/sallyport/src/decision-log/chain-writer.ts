import type { System } from "@sallyport/auth";
import { type Batch, ChainLines } from "./chain-lines.js";
import { LogUnavailable } from "./contract.js";
import { FORMAT_VERSION, type Head } from "./lines.js";
import { describeFailure, type OpenLogFile, openLogFile } from "./log-file.js";
import { Segment } from "./segment.js";
import { formatSigned, type LogSigner } from "./signatures.js";

/** Local bounds; times in milliseconds. */
export interface ChainLimits {
  /** Records wait so long for others before they are written together. With a write under way: at most 50 ms are lost in a crash. */
  readonly groupMs: number;
  /** After so many records a checkpoint is signed. */
  readonly checkpointRecords: number;
  /** And after so long, if there was any record. */
  readonly checkpointMs: number;
  /** Bytes of one segment file before the next is begun, and how long one is written to. */
  readonly segmentBytes: number;
  readonly segmentMs: number;
  /** Records that wait for the disk before more are refused. */
  readonly waitingRecords: number;
  /** A write that takes longer than this counts as failed, until it ends. */
  readonly stalledMs: number;
  /** After a failed write the next attempt comes so much later. */
  readonly retryMs: number;
}

const LIMITS: ChainLimits = {
  groupMs: 35,
  checkpointRecords: 1_000,
  checkpointMs: 10_000,
  segmentBytes: 64 * 1024 * 1024,
  segmentMs: 24 * 3_600_000,
  waitingRecords: 20_000,
  stalledMs: 5_000,
  retryMs: 1_000,
};

export interface ChainOptions {
  readonly folder: string;
  readonly signer: LogSigner;
  readonly system: System;
  /** Heads of the chains that were there before: the first line of this one answers for them. */
  readonly links: readonly Head[];
  readonly limits?: Partial<ChainLimits>;
  readonly openFile?: OpenLogFile;
}

/** What is recorded, and what is kept beside the chain and may be erased: the insides of two JSON objects, ASCII. */
export interface ChainEntry {
  /** From `"type":` on. */
  readonly members: string;
  readonly kept?: string;
}

/**
 * Writes one chain. An entry gets its number and its hash at once and waits for whatever else comes; one sync makes all of them durable. A
 * batch that cannot be written is kept and tried again at the same place; until it is there, nothing further is taken.
 */
export class ChainWriter {
  readonly writer: string;
  readonly #options: ChainOptions;
  readonly #limits: ChainLimits;
  readonly #lines: ChainLines;
  #head: Head;
  #segment: Segment | undefined;
  #segmentNumber = 1;
  #segmentSince = 0;
  #sinceCheckpoint = 0;
  #checkpointAt = 0;
  /** Taken in this turn of the event loop. Made one after the other they cost half of what each costs between the work on two calls. */
  #turn: (() => ChainEntry)[] = [];
  /** Records taken since the last batch. */
  #waiting = 0;
  #batch: Batch | undefined;
  #durable: PromiseWithResolvers | undefined;
  #running: Promise<void> | undefined;
  #busySince: number | undefined;
  /** Since when something waits, in monotonic milliseconds. */
  #oldest: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Signs what a chain that falls quiet has written last. */
  #quiet: NodeJS.Timeout | undefined;
  #failure: string | undefined;
  /** The last batch ended its file: what was taken since belongs into the next one. */
  #rotating = false;
  #closed = false;
  #lost = 0;

  private constructor(options: ChainOptions) {
    const { system, limits } = options;
    this.#options = options;
    this.#limits = { ...LIMITS, ...limits };
    this.writer = `${String(system.now()).padStart(10, "0")}-${Buffer.from(system.randomBytes(8)).toString("hex")}`;
    this.#lines = new ChainLines(this.writer);
    this.#head = { writer: this.writer, seq: -1, hash: "" };
  }

  /** Begins a chain: its first line is durable when this resolves. @throws what the file system throws. */
  static async open(options: ChainOptions): Promise<ChainWriter> {
    const chain = new ChainWriter(options);
    const { links, signer, system } = options;
    const heads = JSON.stringify(links.map((link) => [link.writer, link.seq, link.hash]));
    chain.#lines.add(
      `"type":"start","v":${FORMAT_VERSION},"writer":"${chain.writer}","segment":1,"time":${system.now()},"kid":"${signer.kid}","links":${heads}`,
    );
    await chain.#begin();
    return chain;
  }

  /** The last durable line. */
  get head(): Head {
    return this.#head;
  }

  /** Why nothing is taken at the moment. */
  get failure(): string | undefined {
    if (this.#closed) return "the log is closed";
    if (this.#failure !== undefined) return this.#failure;
    if (this.#waiting >= this.#limits.waitingRecords) return "the disk does not keep up";
    const { stalledMs } = this.#limits;
    if (this.#busySince !== undefined && this.#options.system.monotonicMs() - this.#busySince > stalledMs) {
      return "the disk does not answer";
    }
    return undefined;
  }

  /** For how long, in milliseconds, the oldest entry waits that is not durable yet; 0 where none does. */
  get lagMs(): number {
    return this.#oldest === undefined ? 0 : this.#options.system.monotonicMs() - this.#oldest;
  }

  /**
   * Takes an entry, which is made at the end of this turn of the event loop; it is durable within the group's time. Nothing that it is made
   * of may change meanwhile. @throws LogUnavailable.
   */
  append(entry: () => ChainEntry): void {
    const { failure } = this;
    if (failure !== undefined) throw new LogUnavailable(failure);
    if (this.#turn.push(entry) === 1) setImmediate(() => this.#gather());
    this.#waiting += 1;
    this.#oldest ??= this.#options.system.monotonicMs();
    if (this.#timer === undefined && this.#running === undefined) {
      this.#timer = setTimeout(() => this.#start(), this.#limits.groupMs);
    }
  }

  /** So many decisions went ahead without a record: the chain says so as soon as it can be written again. */
  lose(records: number): void {
    this.#lost += records;
  }

  /** Resolves when everything taken so far is durable, and sees to it at once. Rejects with LogUnavailable when that failed. */
  durable(): Promise<void> {
    this.#durable ??= withResolvers();
    const { promise } = this.#durable;
    this.#start();
    return promise;
  }

  /** Signs what is there, now: what a quiet chain wrote last, and that its writer is still there. */
  async checkpoint(): Promise<void> {
    this.#sinceCheckpoint = Math.max(1, this.#sinceCheckpoint);
    this.#checkpointAt = Number.NEGATIVE_INFINITY;
    await this.durable();
  }

  /** Writes what waits, signs it as the end of the chain and closes the files. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      await this.durable();
      this.#sign(true);
      await this.#write(this.#lines.take());
    } finally {
      clearTimeout(this.#timer);
      clearTimeout(this.#quiet);
      await this.#segment?.close();
    }
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#running ??= this.#run();
  }

  /** One batch after the other, until nobody waits. */
  async #run(): Promise<void> {
    const { system } = this.#options;
    // What this turn of the event loop still brings goes into the same batch.
    await undefined;
    while (this.#waiting > 0 || this.#batch !== undefined || this.#rotating || this.#durable !== undefined) {
      const waiter = this.#durable;
      this.#durable = undefined;
      this.#busySince = system.monotonicMs();
      try {
        await this.#writeWaiting();
        if (this.#failure !== undefined) system.log("info", "the decision log is written again");
        this.#failure = undefined;
        this.#oldest = this.#waiting > 0 ? this.#busySince : undefined;
        waiter?.resolve();
      } catch (error) {
        this.#fail(error, waiter);
        break;
      }
      this.#busySince = undefined;
      if (this.#durable === undefined && this.#waiting > 0) {
        this.#timer = setTimeout(() => this.#start(), this.#limits.groupMs);
        break;
      }
    }
    this.#running = undefined;
    if (this.#sinceCheckpoint === 0 || this.#closed) return;
    this.#quiet ??= setTimeout(() => {
      this.#quiet = undefined;
      // A failure is told by #fail, and tried again there.
      void this.checkpoint().catch(() => {});
    }, this.#limits.checkpointMs).unref();
  }

  #fail(error: unknown, waiter: PromiseWithResolvers | undefined): void {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    this.#busySince = undefined;
    const { system, folder } = this.#options;
    if (this.#failure === undefined) {
      const because = describeFailure(code);
      system.log("error", "the decision log cannot be written: calls are refused", { code, because, folder });
    }
    this.#failure = code;
    const refused = new LogUnavailable(code);
    waiter?.reject(refused);
    this.#durable?.reject(refused);
    this.#durable = undefined;
    this.#timer = setTimeout(() => this.#start(), this.#limits.retryMs);
    this.#timer.unref();
  }

  async #writeWaiting(): Promise<void> {
    if (this.#batch !== undefined) await this.#write(this.#batch);
    if (this.#rotating) await this.#rotate();
    this.#gather();
    if (this.#lost > 0) this.#tellLost();
    if (this.#waiting === 0 && this.#sinceCheckpoint === 0) return;
    this.#count();
    const { segmentBytes, segmentMs, checkpointRecords, checkpointMs } = this.#limits;
    const now = this.#options.system.monotonicMs();
    const size = (this.#segment?.size ?? 0) + this.#lines.length;
    this.#rotating = size >= segmentBytes || now - this.#segmentSince >= segmentMs;
    const due = this.#sinceCheckpoint >= checkpointRecords || now - this.#checkpointAt >= checkpointMs;
    if (this.#rotating || due) this.#sign(false);
    if (this.#lines.length === 0) return;
    const batch = this.#lines.take();
    if (this.#rotating) this.#addSegmentLine();
    await this.#write(batch);
    if (this.#rotating) await this.#rotate();
  }

  #tellLost(): void {
    this.#lines.add(`"type":"gap","time":${this.#options.system.now()},"lost":${this.#lost}`);
    this.#waiting += 1;
    this.#lost = 0;
  }

  #gather(): void {
    const turn = this.#turn;
    this.#turn = [];
    for (const entry of turn) {
      try {
        const { members, kept } = entry();
        this.#lines.add(members, kept);
      } catch (error) {
        // Its call has gone on already: the others are kept, and the chain says that one is missing.
        this.#options.system.log("error", "a decision could not be put into words", { error: String(error) });
        this.#lost += 1;
      }
    }
  }

  /** What waited is in the batch that is taken now. */
  #count(): void {
    this.#gather();
    this.#sinceCheckpoint += this.#waiting;
    this.#waiting = 0;
  }

  async #write(batch: Batch): Promise<void> {
    this.#batch = batch;
    await this.#segment?.write(batch);
    this.#batch = undefined;
    this.#head = batch.head;
    this.#lines.release(batch);
  }

  #sign(last: boolean): void {
    const { signer, system } = this.#options;
    const end = last ? ',"last":true' : "";
    const members = `"type":"checkpoint","writer":"${this.writer}","time":${system.now()},"kid":"${signer.kid}"${end}`;
    this.#sinceCheckpoint = 0;
    this.#checkpointAt = system.monotonicMs();
    this.#lines.addSigned(members, (open) => formatSigned(open, signer));
  }

  /** The first line of the next file, in front of whatever is taken from now on. */
  #addSegmentLine(): void {
    this.#segmentNumber += 1;
    const time = this.#options.system.now();
    this.#lines.add(`"type":"segment","writer":"${this.writer}","segment":${this.#segmentNumber},"time":${time}`);
  }

  /** The old file ended with a signature; the new one begins with its place in the chain. */
  async #rotate(): Promise<void> {
    const old = this.#segment;
    await this.#begin();
    await old?.close();
  }

  async #begin(): Promise<void> {
    const { folder, openFile = openLogFile, system } = this.#options;
    this.#segment = await Segment.open({ folder, writer: this.writer, segment: this.#segmentNumber }, openFile);
    this.#rotating = false;
    this.#segmentSince = system.monotonicMs();
    this.#checkpointAt = system.monotonicMs();
    this.#count();
    await this.#write(this.#lines.take());
  }
}

interface PromiseWithResolvers {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

function withResolvers(): PromiseWithResolvers {
  let resolve: () => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // Who waits is told; that nobody waits any more is no defect.
  promise.catch(() => {});
  return { promise, resolve, reject };
}
