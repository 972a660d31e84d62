import { hostname } from "node:os";
import type { System } from "@sallyport/auth";
import {
  createTarget,
  EXPORTS,
  type ExportFormat,
  exportNew,
  followExport,
  type ReadRecord,
  TARGET_FORMS,
} from "../decision-log/index.js";
import { CliError } from "./exit.js";
import { readText } from "./read-text.js";
import { VERSION } from "./version.js";

export interface ExportOptions {
  readonly format: ExportFormat;
  readonly to?: string;
  readonly position?: string;
  readonly follow: boolean;
  readonly ca?: string;
}

export interface ExportSource {
  readonly folder: string;
  /** Integer seconds. */
  readonly since: number;
  records(): Iterable<ReadRecord>;
  readonly system: Pick<System, "log">;
  write(line: string): void;
  /** Resolves when somebody wants it to end. */
  stopped(): Promise<unknown>;
}

export const EXPORT_HELP = `
--to takes ${TARGET_FORMS}.
With --position it sends only what it has not sent before, and --follow goes on with what comes. Everything is sent at least once.

Examples:
  $ sallyport log export --format ocsf --since 7d > decisions.jsonl
  $ sallyport log export --format cef --to syslog+tcp://127.0.0.1:1601 --position sent.json --follow
  $ sallyport log export --to otlp+http://127.0.0.1:4318 --position sent.json`;

/** @throws CliError for options that do not go together, a target that is none, and one that does not take what it is sent. */
export async function runExport(
  source: ExportSource,
  { format, to, position, follow, ca }: ExportOptions,
): Promise<void> {
  if (to === undefined) {
    if (follow || position !== undefined || ca !== undefined)
      throw new CliError("--follow, --position and --ca go with --to");
    for (const record of source.records()) source.write(EXPORTS[format](record, VERSION));
    return;
  }
  const target = targetOf(to, ca);
  const { folder, since } = source;
  const run = {
    ...{ folder, since, format, target, version: VERSION },
    ...(position !== undefined && { positionFile: position }),
  };
  if (follow) {
    if (position === undefined) throw new CliError("--follow needs --position, so that nothing is sent twice");
    const running = followExport(run, source.system);
    await source.stopped();
    await running.stop();
    return;
  }
  try {
    const sent = await exportNew(run);
    source.write(`Sent ${sent} decision${sent === 1 ? "" : "s"}.`);
  } catch (error) {
    throw new CliError(`${to}: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    await target.close();
  }
}

function targetOf(to: string, ca: string | undefined): ReturnType<typeof createTarget> {
  const trusted = ca === undefined ? {} : { ca: readText(ca, "--ca") };
  try {
    return createTarget(to, { version: VERSION, host: hostname(), pid: process.pid, ...trusted });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new CliError(`--${error.message.startsWith("ca: ") ? "" : "to: "}${error.message}`);
  }
}
