import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type Command, Option } from "commander";
import {
  createLogVerifier,
  EXPORTS,
  eraseArguments,
  formatHead,
  type Head,
  parseHead,
  type ReadRecord,
  readArguments,
  readHeads,
  readPublicLogKey,
  readRecords,
  verifyLog,
} from "../decision-log/index.js";
import { logFolderOf } from "./compose-log.js";
import { CliError, EXIT } from "./exit.js";
import { EXPORT_HELP, type ExportOptions, runExport } from "./export-command.js";
import { worldFolder } from "./installation.js";
import { loadInstallation } from "./load-installation.js";
import { readLogKeys, secondsAgo } from "./log-options.js";
import { formatLogReport, formatRecordLine } from "./log-text.js";
import { createProgramSystem } from "./program-system.js";
import { readText } from "./read-text.js";
import { stopSignal } from "./stop-signal.js";

interface PlaceOptions {
  readonly folder?: string;
  readonly config?: string;
  readonly name: string;
  readonly dataDir?: string;
}

const collect = (value: string, before: readonly string[]) => [...before, value];
const say = (line: string) => void process.stdout.write(`${line}\n`);
const now = () => createProgramSystem("warn", false).now();

/** Every command reads files alone: it needs neither the store nor the master key. */
export function addLogCommands(program: Command, done: (exitCode: number) => void): void {
  const log = program.command("log").description("The record of every decision: verify, read, export, erase.");
  addVerify(log, done);
  addReaders(log, done);
  addErase(log);
  placed(log.command("key"))
    .description("Prints the public key that signs the log, to be kept elsewhere.")
    .action((options: PlaceOptions) => say(JSON.stringify(publicKeyOf(folderOf(options)))));
  placed(log.command("head"))
    .description("Prints the head of every chain, to be kept elsewhere: what it names can never vanish unnoticed.")
    .action((options: PlaceOptions) => {
      for (const head of readHeads(folderOf(options))) say(formatHead(head));
    });
}

function placed(command: Command): Command {
  return command
    .option("--folder <folder>", "the folder of the log, or a copy of it")
    .option("--config <file>", "the file of a `serve` installation")
    .option("--name <name>", "the `protect` installation", "default")
    .option("--data-dir <folder>", "where installations are kept");
}

function folderOf({ folder, config, name, dataDir }: PlaceOptions): string {
  const found =
    folder !== undefined
      ? resolve(folder)
      : config !== undefined
        ? logFolderOf(loadInstallation(config, { accessOptional: true }))
        : resolve(worldFolder({ dataDir, name }, process.env), "decisions");
  if (!existsSync(found)) throw new CliError(`there is no decision log in ${found}; name its folder with --folder`);
  return found;
}

function publicKeyOf(folder: string): object {
  const key = readPublicLogKey(folder);
  if (key === undefined) throw new CliError(`${folder} has no log-key.json; name the public key with --key`);
  return key;
}

function addVerify(log: Command, done: (exitCode: number) => void): void {
  placed(log.command("verify"))
    .description("Finds and names records that were removed, altered, added or moved.")
    .option("--head <head>", "a head that `log head` printed, or a file of them; repeatable", collect, [])
    .option("--key <file>", "public key (JWK or JWK set) kept elsewhere; default: the one beside the log")
    .option("--json", "as JSON", false)
    .addHelpText("after", "\nExit codes: 0 nothing is wrong, 1 something is, 2 it cannot be checked.")
    .action((options: PlaceOptions & { head: readonly string[]; key?: string; json: boolean }) => {
      const folder = folderOf(options);
      const verify = createLogVerifier(readLogKeys(options.key, () => publicKeyOf(folder)));
      const report = verifyLog({ folder, verify, heads: options.head.flatMap(headsOf) });
      say(options.json ? JSON.stringify(report) : formatLogReport(report));
      if (options.key === undefined && !options.json) {
        say("Checked with the key beside the log; --key checks with one that was kept elsewhere.");
      }
      done(report.problems.length === 0 ? EXIT.ok : EXIT.refused);
    });
}

function headsOf(given: string): readonly Head[] {
  const head = parseHead(given);
  if (head !== undefined) return [head];
  if (!existsSync(given)) throw new CliError(`--head ${JSON.stringify(given)}: neither a head nor a file`);
  const lines = readText(given, `--head ${given}`).split("\n");
  return lines.flatMap((line, index) => {
    if (line.trim() === "") return [];
    const found = parseHead(line);
    if (found === undefined) throw new CliError(`--head ${given}:${index + 1}: this is no head`);
    return [found];
  });
}

interface ReadOptions extends PlaceOptions {
  readonly since?: string;
}

function recordsOf(options: ReadOptions): Generator<ReadRecord> {
  return readRecords(folderOf(options), sinceOf(options));
}

function sinceOf({ since }: ReadOptions): number {
  return since === undefined ? 0 : secondsAgo(since, now());
}

function addReaders(log: Command, done: (exitCode: number) => void): void {
  const since = ["--since <time>", "a time such as 2026-07-28T12:00:00Z, or an age: 30m, 12h, 7d"] as const;
  placed(log.command("export"))
    .description("Writes decisions to standard output, one on each line, or sends them somewhere.")
    .addOption(new Option("--format <format>", "form of the lines").choices(Object.keys(EXPORTS)).default("jsonl"))
    .option(...since)
    .option("--to <target>", "a file, syslog://, syslog+tcp://, syslog+tls://, otlp+http:// or otlp+https://")
    .option(
      "--ca <file>",
      "certificates (PEM) of the authorities that vouch for the receiver, instead of those that Node knows",
    )
    .option("--position <file>", "remembers what was sent")
    .option("--follow", "go on with what comes, until it is stopped", false)
    .addHelpText("after", EXPORT_HELP)
    .action((options: ReadOptions & ExportOptions) =>
      runExport(
        {
          folder: folderOf(options),
          since: sinceOf(options),
          records: () => recordsOf(options),
          system: createProgramSystem("info", process.stderr.isTTY === true),
          write: say,
          stopped: stopSignal,
        },
        options,
      ),
    );
  placed(log.command("tail"))
    .description("Prints the newest decisions.")
    .option("--lines <number>", "how many", "20")
    .option(...since)
    .action((options: ReadOptions & { lines: string }) => {
      const lines = Math.max(1, Number.parseInt(options.lines, 10) || 20);
      const newest: ReadRecord[] = [];
      for (const record of recordsOf(options)) {
        newest.push(record);
        if (newest.length > 2 * lines) newest.splice(0, lines);
      }
      for (const record of newest.sort((a, b) => a.time - b.time).slice(-lines)) say(formatRecordLine(record));
    });
  placed(log.command("show <id>"))
    .description("Prints one decision whole: by its decision id, its number `writer:seq`, or its trace id.")
    .action((id: string, options: PlaceOptions) => {
      const folder = folderOf(options);
      const found = [...readRecords(folder)].filter(
        ({ decisionId, trace, writer, seq }) => decisionId === id || trace === id || `${writer}:${seq}` === id,
      );
      for (const record of found) {
        const args = readArguments(folder, record.writer).get(record.seq);
        say(JSON.stringify({ ...record, ...(args !== undefined && { keptArguments: args }) }, undefined, 2));
      }
      if (found.length === 0) throw new CliError(`no decision ${JSON.stringify(id)} in ${folder}`, EXIT.refused);
      done(EXIT.ok);
    });
}

/** What `erase` goes by, and the member of a record that says it. */
const ERASABLE = {
  sub: "sub",
  client: "client",
  session: "session",
  server: "server",
  tool: "name",
  decision: "decisionId",
} as const satisfies Readonly<Record<string, keyof ReadRecord>>;

type EraseOptions = { readonly [Flag in keyof typeof ERASABLE]?: string } & { readonly before?: string };

function addErase(log: Command): void {
  placed(log.command("erase"))
    .description("Erases what is kept of arguments; the decisions stay. Several conditions must all match.")
    .option("--sub <sub>", "of this person, as records name them")
    .option("--client <client_id>", "of calls through this client")
    .option("--session <id>", "of calls of this session")
    .option("--server <name>", "of calls to this server")
    .option("--tool <name>", "of calls of this tool")
    .option("--decision <id>", "of this decision")
    .option("--before <time>", "of calls before this time, or older than this age")
    .action((options: PlaceOptions & EraseOptions) => {
      const wanted = Object.entries(ERASABLE).flatMap(([flag, member]) => {
        const value = options[flag as keyof typeof ERASABLE];
        return value === undefined ? [] : [{ member, value }];
      });
      if (wanted.length === 0 && options.before === undefined) {
        const flags = [...Object.keys(ERASABLE), "before"].map((flag) => `--${flag}`);
        throw new CliError(`say what to erase, by one or several of ${flags.join(", ")}`);
      }
      const until = options.before === undefined ? Number.POSITIVE_INFINITY : secondsAgo(options.before, now());
      const count = eraseArguments(
        folderOf(options),
        (record) =>
          record.time < until &&
          wanted.every(({ member, value }) => record[member] === value) &&
          (options.tool === undefined || record.kind === "tool"),
      );
      say(`Erased the arguments of ${count} decision${count === 1 ? "" : "s"}.`);
    });
}
