import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type { System } from "@sallyport/auth";
import { EXPORTS, type ExportFormat } from "./export.js";
import { parseTailPosition, readTail, type TailPosition } from "./tail.js";
import type { ExportTarget } from "./targets.js";

export interface ExportRun {
  readonly folder: string;
  readonly format: ExportFormat;
  readonly target: ExportTarget;
  readonly version: string;
  /** File that says how far the target has the log; made if it is absent. Absent: from the beginning, and not remembered. */
  readonly positionFile?: string;
  /** What messages call the target. */
  readonly name?: string;
  /** Integer seconds: earlier decisions are passed over. */
  readonly since?: number;
  /** Milliseconds between two chunks, for a process that has calls to answer; default none. */
  readonly pauseMs?: number;
}

/** Sends what the target does not have yet. Answers how many decisions; rejects when the target does not take one: they stay to be sent. */
export async function exportNew(run: ExportRun, stopped: () => boolean = () => false): Promise<number> {
  const { folder, format, target, version, positionFile, since = 0, pauseMs = 0 } = run;
  let position = positionFile === undefined ? {} : readPosition(positionFile);
  let sent = 0;
  while (!stopped()) {
    const next = readTail(folder, position);
    const records = next.records.filter(({ time }) => time >= since);
    if (records.length > 0) {
      await target.send(records.map((record) => ({ record, text: EXPORTS[format](record, version) })));
      sent += records.length;
    }
    if (positionFile !== undefined && next.position !== position) writePosition(positionFile, next.position);
    position = next.position;
    if (next.records.length === 0) return sent;
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs).unref());
  }
  return sent;
}

/** @throws TypeError for a file that is no position: to begin anew would send everything again. */
function readPosition(file: string): TailPosition {
  return existsSync(file) ? parseTailPosition(readFileSync(file, "utf8")) : {};
}

function writePosition(file: string, position: TailPosition): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(position)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** A chunk takes a few milliseconds of the process; a log that is far behind takes a tenth of it and not all. */
const PAUSE_MS = 50;
/** Milliseconds between two looks at the log, and the longest wait for a target that fails. */
const LOOK_MS = 1_000;
const LONGEST_MS = 60_000;
/** How long a send under way may still take when the program ends. */
const STOP_MS = 2_000;

/**
 * Goes on sending until it is stopped, beside the calls and never in their way: it reads the files of the log, and a target that fails is tried
 * again with growing pauses from where it was. Delivered at least once. What retention removes before it was sent is lost to the target.
 */
export function followExport(run: ExportRun, system: Pick<System, "log">): { stop(): Promise<void> } {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let pause = LOOK_MS;
  let failing = false;
  const to = run.name;
  const look = async () => {
    try {
      await exportNew({ ...run, pauseMs: PAUSE_MS }, () => stopped);
      if (failing) system.log("info", "the decision log is exported again", { to });
      failing = false;
      pause = LOOK_MS;
    } catch (error) {
      if (!failing) system.log("error", "the decision log is not exported; tried again", { to, error: String(error) });
      failing = true;
      pause = Math.min(LONGEST_MS, pause * 2);
    }
  };
  let running = look();
  const schedule = () => {
    if (stopped) return;
    timer = setTimeout(() => {
      running = look().then(schedule);
    }, pause);
    timer.unref();
  };
  running = running.then(schedule);
  return {
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      // A target that hangs does not keep the program from ending: what it did not confirm is sent again after the next start.
      await Promise.race([running, new Promise<void>((resolve) => setTimeout(resolve, STOP_MS).unref())]);
      await run.target.close();
    },
  };
}
