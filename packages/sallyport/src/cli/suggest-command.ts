import { writeFileSync } from "node:fs";
import { basename } from "node:path";
import type { Command } from "commander";
import { parseConfig } from "../config/load.js";
import { editYaml, YamlEditError } from "../config/yaml-edit.js";
import { REDACTED, scanRecords } from "../decision-log/index.js";
import type { RecordedQuestion } from "../policy/recorded.js";
import { createReplay } from "../policy/replay.js";
import { checkPolicy } from "../policy/server-policy.js";
import { suggestPolicy } from "../policy/suggest.js";
import { showText } from "../policy/tool-changes.js";
import { CliError, EXIT } from "./exit.js";
import { loadInstallation } from "./load-installation.js";
import { secondsAgo } from "./log-options.js";
import { createProgramSystem } from "./program-system.js";
import { readText } from "./read-text.js";
import { logFolder } from "./replay-command.js";
import { unifiedDiff } from "./unified-diff.js";

interface SuggestOptions {
  readonly config: string;
  readonly server?: string;
  readonly since?: string;
  readonly folder?: string;
  readonly write: boolean;
}

const HELP = `
From what the decision log says was allowed, the least \`scopes\` and \`access\` that would have allowed it: exactly the tools, prompts and resources
that were called, the roles, users and clients that called them, the scopes they needed. Rules stay as they are. It is printed as a diff of the
file, with its comments; --write changes the file instead. Before that, every recorded call is decided again with the result.

Whoever shares a role, or a scope, may do what the others did. A server without recorded calls stays as it is.

Exit codes: 0 nothing to suggest, 1 a suggestion, 2 a file or the log is wrong.`;

export function addSuggestCommand(policy: Command, done: (exitCode: number) => void): void {
  policy
    .command("suggest")
    .summary("print the least policy that would have allowed the recorded calls")
    .description("Suggests the least policy that would have allowed what was recorded, as a diff of the file.")
    .option("--config <file>", "the configuration", "sallyport.yaml")
    .option("--server <name>", "one server; default all")
    .option("--since <time>", "a time such as 2026-07-28T12:00:00Z, or an age: 30m, 12h, 7d; default: everything")
    .option("--folder <folder>", "the folder of the log, or a copy of it")
    .option("--write", "change the file", false)
    .addHelpText("after", HELP)
    .action((options: SuggestOptions) => {
      const { text, suggested, notes } = suggest(options);
      process.stdout.write(unifiedDiff(text, suggested, basename(options.config)));
      for (const note of notes) process.stderr.write(`${note}\n`);
      if (options.write && suggested !== text) writeFileSync(options.config, suggested);
      done(suggested === text ? EXIT.ok : EXIT.refused);
    });
}

interface Suggested {
  readonly text: string;
  readonly suggested: string;
  readonly notes: readonly string[];
}

/** @throws ConfigError or CliError. */
function suggest(options: SuggestOptions): Suggested {
  const { config: file, server } = options;
  const installation = loadInstallation(file, { accessOptional: true });
  const { config } = installation;
  const names = server === undefined ? Object.keys(config.servers) : [server];
  if (server !== undefined && config.servers[server] === undefined) {
    throw new CliError(`--server: there is no server ${JSON.stringify(server)}`);
  }
  const now = createProgramSystem("warn", false).now();
  const since = options.since === undefined ? 0 : secondsAgo(options.since, now);
  const scan = { folder: logFolder(installation, options.folder), since };
  const allowed = allowedQuestions(scan);
  const found = names.map((name) =>
    suggestPolicy(
      config,
      name,
      allowed.filter((one) => one.server === name),
    ),
  );
  const text = readText(file);
  const changes = found.flatMap(({ server: name, change }) => (change === undefined ? [] : [[name, change] as const]));
  const suggested = changes.length === 0 ? text : edit(file, text, { servers: Object.fromEntries(changes) });
  const notes = found.flatMap(({ server: name, questions, left }) => [
    ...(questions === 0 ? [`${name}: nothing was recorded; it stays as it is.`] : []),
    ...left.map(
      (target) => `${name}: ${showText(target)} was called, and no glob can stand for it alone; it is left out.`,
    ),
  ]);
  return { text, suggested, notes: [...notes, ...(suggested === text ? [] : [proof(file, suggested, scan)])] };
}

function edit(file: string, text: string, change: Parameters<typeof editYaml>[1]): string {
  try {
    return editYaml(text, change);
  } catch (error) {
    throw error instanceof YamlEditError ? new CliError(`${file}: ${error.message}`) : error;
  }
}

interface Scan {
  readonly folder: string;
  readonly since: number;
}

/** Each once. */
function allowedQuestions(scan: Scan): readonly RecordedQuestion[] {
  const questions = new Set<RecordedQuestion>();
  for (const { shared } of scanRecords(scan)) if (shared.decision === "allow") questions.add(shared);
  return [...questions];
}

/** Decides everything again: what was allowed must still be. @throws ConfigError for a result that is no configuration. */
function proof(file: string, suggested: string, scan: Scan): string {
  const environment = process.env;
  const config = parseConfig(suggested, { file, environment, checks: [checkPolicy], accessOptional: true });
  const decide = createReplay({ config, redacted: REDACTED });
  const count = { still: 0, undecidable: 0, refused: 0 };
  for (const record of scanRecords(scan)) {
    if (record.shared.decision !== "allow" || config.servers[record.shared.server] === undefined) continue;
    const { answer } = decide(record.shared, record);
    count[answer === "allow" ? "still" : answer === "undecidable" ? "undecidable" : "refused"] += 1;
  }
  const rest = [
    ...(count.refused > 0 ? [`${count.refused} would be refused (see \`policy replay\`)`] : []),
    ...(count.undecidable > 0 ? [`${count.undecidable} cannot be decided from what was recorded`] : []),
  ];
  return [`Replayed: ${count.still} recorded calls are allowed as before`, ...rest].join("; ");
}
