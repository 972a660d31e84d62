import { existsSync, writeFileSync } from "node:fs";
import type { System } from "@sallyport/auth";
import type { Command } from "commander";
import { AskError, answerAsk } from "../policy/ask.js";
import { differenceOf, type Expectation, parseExpectations } from "../policy/expectations.js";
import { createMatrix } from "../policy/matrix.js";
import { formatMatrixHtml } from "../policy/matrix-html.js";
import { formatMatrix } from "../policy/matrix-text.js";
import { CliError, EXIT } from "./exit.js";
import { loadInstallation } from "./load-installation.js";
import { loadPolicy, type PolicySource } from "./policy-source.js";
import { createProgramSystem } from "./program-system.js";
import { readText } from "./read-text.js";
import { addReplayCommand } from "./replay-command.js";
import { addSuggestCommand } from "./suggest-command.js";

interface MatrixOptions {
  readonly config: string;
  readonly server?: string;
  readonly catalogue?: string;
  readonly html?: string | true;
  readonly json: boolean;
}

interface TestOptions {
  readonly config: string;
  readonly catalogue?: string;
  readonly json: boolean;
}

const TEST_HELP = `
Example:
  $ cat sallyport.tests.yaml
  tests:
    - title: support sets no high limits
      server: crm
      sub: alice
      roles: [support]
      scope: mcp:write
      tool: update_customer
      args: { credit_limit: 20000 }
      expect: deny
  $ sallyport policy test --config sallyport.yaml

expect: allow, deny (any refusal), step-up (a scope is missing), unknown (as if missing). \`rule\` names who has to decide.
Exit codes: 0 all as expected, 1 some are not, 2 a file is wrong.`;

type Done = (exitCode: number) => void;
const say = (text: string) => process.stdout.write(`${text}\n`);

export function addPolicyCommands(program: Command, done: Done): void {
  const policy = program.command("policy").description("Looks at a policy without serving it.");
  policy
    .command("matrix")
    .summary("print who can do what")
    .description("Prints who can do what: scopes by things, roles by things, and the conditions in between.")
    .option("--config <file>", "the configuration", "sallyport.yaml")
    .option("--server <name>", "one server; default all")
    .option("--catalogue <file>", "the server's tools: JSON, an answer to tools/list")
    .option("--html [file]", "a page with everything in it; to standard output without a file")
    .option("--json", "one JSON object per server on standard output", false)
    .action((options: MatrixOptions) => printMatrix(options));
  policy
    .command("test")
    .summary("run the expectations kept beside a policy")
    .description("Asks every question of a file of expectations and compares the answers.")
    .argument("[file]", "expectations; default: the configuration's name with .tests.yaml")
    .option("--config <file>", "the configuration", "sallyport.yaml")
    .option("--catalogue <file>", "the server's tools: JSON, an answer to tools/list")
    .option("--json", "one JSON object per expectation on standard output", false)
    .addHelpText("after", TEST_HELP)
    .action(async (file: string | undefined, options: TestOptions) => {
      const beside = options.config.replace(/(?:\.ya?ml)?$/, ".tests.yaml");
      if (file === undefined && !existsSync(beside))
        throw new CliError(
          `there are no expectations in ${beside}: write some, as \`policy test --help\` shows, or name a file`,
        );
      const failures = await testPolicy(file ?? beside, options);
      done(failures === 0 ? EXIT.ok : EXIT.refused);
    });
  addReplayCommand(policy, done);
  addSuggestCommand(policy, done);
}

async function printMatrix(options: MatrixOptions): Promise<void> {
  const system = quietSystem();
  const { servers } = loadInstallation(options.config, { accessOptional: true });
  const names = options.server === undefined ? servers.map(({ name }) => name) : [options.server];
  const matrices = await Promise.all(
    names.map(async (server) => {
      const source = await loadPolicy({ config: options.config, server, catalogue: options.catalogue }, system);
      return createMatrix(source.policy, server, source.tools);
    }),
  );
  if (options.json)
    for (const { rows, ...rest } of matrices) say(JSON.stringify({ ...rest, rows: rows.map(plainRow) }));
  else if (options.html === undefined) say(matrices.map(formatMatrix).join("\n\n"));
  else if (options.html === true) process.stdout.write(formatMatrixHtml(matrices));
  else writeFileSync(options.html, formatMatrixHtml(matrices));
}

function plainRow({ rules, ...row }: ReturnType<typeof createMatrix>["rows"][number]): object {
  return { ...row, rules: rules.map(({ id }) => id) };
}

/** Answers how many expectations are not met. @throws ConfigError or CliError. */
async function testPolicy(file: string, options: TestOptions): Promise<number> {
  const system = quietSystem();
  const expectations = parseExpectations(readText(file), file);
  const sources = new Map<string, PolicySource>();
  let failures = 0;
  for (const one of expectations) {
    const difference = await differ(one, { options, sources, system });
    if (difference !== undefined) failures++;
    if (options.json)
      say(JSON.stringify({ title: one.title, place: one.place, ok: difference === undefined, difference }));
    else if (difference !== undefined) say(`${one.place}: ${one.title}\n${difference.replace(/^/gm, "  ")}\n`);
  }
  if (!options.json)
    say(
      failures === 0 ? `${expectations.length} as expected` : `${failures} of ${expectations.length} not as expected`,
    );
  return failures;
}

interface Testing {
  readonly options: TestOptions;
  readonly sources: Map<string, PolicySource>;
  readonly system: System;
}

async function differ(one: Expectation, { options, sources, system }: Testing): Promise<string | undefined> {
  const { config, catalogue } = options;
  const { server, readOnly } = one;
  const key = JSON.stringify([server, readOnly]);
  const source = sources.get(key) ?? (await loadPolicy({ config, server, catalogue, readOnly }, system));
  sources.set(key, source);
  try {
    return differenceOf(one, answerAsk(source.policy, one.ask, { name: source.server.name, now: system.now() }));
  } catch (error) {
    throw error instanceof AskError
      ? new CliError(`${one.place}: ${error.part === undefined ? "" : `${error.part}: `}${error.message}`)
      : error;
  }
}

function quietSystem(): System {
  return createProgramSystem("warn", process.stderr.isTTY === true);
}
