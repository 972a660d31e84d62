import { join } from "node:path";
import { segmentFile } from "./files.js";
import type { LogFile, OpenLogFile } from "./log-file.js";

/** The two files of one segment: the chain, and beside it what may be erased. */
export class Segment {
  #logged = 0;
  #kept = 0;
  #arguments: LogFile | undefined;

  private constructor(
    private readonly log: LogFile,
    private readonly openArguments: () => Promise<LogFile>,
  ) {}

  static async open(
    place: { readonly folder: string; readonly writer: string; readonly segment: number },
    open: OpenLogFile,
  ): Promise<Segment> {
    const { folder, writer, segment } = place;
    const path = (kind: "log" | "arguments") => join(folder, segmentFile(writer, segment, kind));
    return new Segment(await open(path("log")), () => open(path("arguments"), true));
  }

  /** Bytes of the chain so far. */
  get size(): number {
    return this.#logged;
  }

  /** May be called again with the same batch after it failed: it writes at the same places. */
  async write(batch: { readonly lines: Uint8Array; readonly kept: Uint8Array }): Promise<void> {
    if (batch.kept.length > 0) {
      this.#arguments ??= await this.openArguments();
      await this.#arguments.write(batch.kept, this.#kept);
    }
    await this.log.write(batch.lines, this.#logged);
    await this.log.sync();
    this.#logged += batch.lines.length;
    this.#kept += batch.kept.length;
  }

  async close(): Promise<void> {
    await this.#arguments?.sync();
    await this.#arguments?.close();
    await this.log.close();
  }
}
