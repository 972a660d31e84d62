import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import type { Command } from "commander";
import { REDACTED, scanRecords } from "../decision-log/index.js";
import { createReplay, enforceAll } from "../policy/replay.js";
import { ReplayCounter, type ReplayReport } from "../policy/replay-report.js";
import { logFolderOf } from "./compose-log.js";
import { CliError, EXIT } from "./exit.js";
import type { Installation } from "./installation.js";
import { loadInstallation } from "./load-installation.js";
import { secondsAgo } from "./log-options.js";
import { createProgramSystem } from "./program-system.js";
import { formatReplay } from "./replay-text.js";

interface ReplayCommandOptions {
  readonly since?: string;
  readonly config?: string;
  readonly folder?: string;
  readonly enforce: boolean;
  readonly strict: boolean;
  readonly json: boolean;
}

const HELP = `
Decides every recorded call again, by the scopes, rules and access of <file>, and prints what would be answered otherwise: which calls, of
whom, by which rule. Tools count as the catalogue knew them then, callers with the names, roles and additions of then. What depends on
arguments that were redacted or not kept is counted as undecidable and never guessed. The log is read and not verified: \`log verify\` does.

Example:
  $ sallyport policy replay --since 7d --config sallyport.yaml new.yaml

Exit codes: 0 nothing would change, 1 something would, 2 a file or the log is wrong.`;

export function addReplayCommand(policy: Command, done: (exitCode: number) => void): void {
  policy
    .command("replay")
    .summary("say what another policy would have decided")
    .description("Decides the recorded calls of the decision log again with the policy of another file.")
    .argument("<file>", "the configuration whose policy decides")
    .option("--since <time>", "a time such as 2026-07-28T12:00:00Z, or an age: 30m, 12h, 7d; default: everything")
    .option("--config <file>", "the configuration whose log is read; default: <file>")
    .option("--folder <folder>", "the folder of the log, or a copy of it")
    .option("--enforce", "as if no rule were in record mode", false)
    .option("--strict", "exit with 1 too when something cannot be decided", false)
    .option("--json", "one JSON object on standard output", false)
    .addHelpText("after", HELP)
    .action((file: string, options: ReplayCommandOptions) => {
      const report = replay(file, options);
      const text = options.json ? JSON.stringify({ file, ...report }) : formatReplay(report, basename(file));
      process.stdout.write(`${text}\n`);
      const differs = report.changed > 0 || (options.strict && report.undecidable > 0);
      done(differs ? EXIT.refused : EXIT.ok);
    });
}

/** @throws ConfigError or CliError. */
function replay(file: string, options: ReplayCommandOptions): ReplayReport {
  const installation = loadInstallation(file, { accessOptional: true });
  const recorded =
    options.config === undefined ? installation : loadInstallation(options.config, { accessOptional: true });
  const folder = logFolder(recorded, options.folder);
  const config = options.enforce ? enforceAll(installation.config) : installation.config;
  const now = createProgramSystem("warn", false).now();
  const since = options.since === undefined ? 0 : secondsAgo(options.since, now);
  const decide = createReplay({ config, redacted: REDACTED });
  const counter = new ReplayCounter();
  for (const record of scanRecords({ folder, since })) {
    const { shared, writer, seq, time } = record;
    counter.add({
      id: `${writer}:${seq}`,
      time,
      question: shared,
      before: shared.decision === "allow" ? "allow" : (shared.denial ?? "unknown"),
      replayed: decide(shared, record),
    });
  }
  return counter.report();
}

/** The log of an installation, or the folder named instead. @throws CliError where there is none. */
export function logFolder(installation: Installation, folder: string | undefined): string {
  const found = folder === undefined ? logFolderOf(installation) : resolve(folder);
  if (existsSync(found)) return found;
  throw new CliError(`there is no decision log in ${found}; name it with --config or --folder`);
}
