import { REVISIONS, type Revision } from "@sallyport/auth";
import { type Command, Option } from "commander";
import { type Ask, AskError, answerAsk } from "../policy/ask.js";
import { CliError, EXIT } from "./exit.js";
import { formatExplanation } from "./explain-text.js";
import { loadPolicy, type PolicyOptions, type PolicySource } from "./policy-source.js";
import { createProgramSystem } from "./program-system.js";

interface ExplainOptions extends PolicyOptions {
  readonly sub: string;
  readonly client?: string;
  readonly scope: readonly string[];
  readonly details?: string;
  readonly role: readonly string[];
  readonly act: readonly string[];
  readonly allowed: readonly string[];
  readonly asClient?: true;
  readonly tool?: string;
  readonly prompt?: string;
  readonly resource?: string;
  readonly method?: string;
  readonly request?: string;
  readonly args?: string;
  readonly revision?: Revision;
  readonly time?: string;
  readonly address?: string;
  readonly json: boolean;
}

const HELP = `
Decides as the gateway would, and says why. Nothing is called and nothing is changed.

Example:
  $ sallyport explain --config sallyport.yaml --server crm --sub alice --role support \\
      --scope "mcp:read" --tool update_contact --args '{"credit_limit": 20000}'

Without --role and without \`access\` in the file, the subject counts as entitled to all scopes. Without \`scopes:\` a tool needs
mcp:read or mcp:write by its annotations: those of the store if there is one, of --catalogue, or --read-only; a tool of which
nothing is known needs mcp:write. A task is judged as the call that made it: --method tasks/get --tool <its tool>.

Exit codes: 0 allowed, 1 denied, 2 the question or the file is wrong.`;

const collect = (value: string, before: readonly string[]) => [...before, value];

export function addExplainCommand(program: Command, done: (exitCode: number) => void): void {
  program
    .command("explain")
    .summary("say whether a call is allowed, and why")
    .description("Says whether a call is allowed, which rule decides, and what would change the answer.")
    .option("--config <file>", "the configuration", "sallyport.yaml")
    .option("--server <name>", "the server; needed where the file has several")
    .requiredOption("--sub <subject>", "who is calling")
    .option("--client <client_id>", "with which client")
    .option("--scope <scopes>", "granted scopes, space-separated; repeatable", collect, [])
    .option("--details <json>", "single calls that were agreed to: authorization_details, a JSON array (RFC 9396)")
    .option("--role <role>", "a role of the subject; repeatable", collect, [])
    .option("--allowed <scope>", "what `sallyport user allow` added; repeatable", collect, [])
    .option("--act <subject>", "who acts for the subject; repeated: earlier actors (RFC 8693)", collect, [])
    .option("--as-client", "a client calls for itself, with no person behind it")
    .option("--tool <name>", "call this tool")
    .option("--prompt <name>", "get this prompt")
    .option("--resource <uri>", "read this resource")
    .option(
      "--method <method>",
      "send this method; --args are its params, or with --tool, --prompt, --resource: theirs",
    )
    .option("--request <what>", "what the server asks of the client: sampling, elicitation, roots or tasks")
    .option("--args <json>", "arguments, a JSON object")
    .addOption(
      new Option("--revision <date>", "revision of MCP; default: the newest that has the method").choices(REVISIONS),
    )
    .option("--time <time>", "when, for example 2026-07-28T12:00:00Z; default now")
    .option("--address <ip>", "from where, for rules that read it")
    .option("--catalogue <file>", "the server's tools: JSON, an answer to tools/list")
    .option("--read-only", "the tool is annotated readOnlyHint: true")
    .option("--json", "one JSON object on standard output", false)
    .addHelpText("after", HELP)
    .action(async (options: ExplainOptions) => {
      const system = createProgramSystem("warn", process.stderr.isTTY === true);
      const source = await loadPolicy(options, system);
      const answer = ask(source, askOf(options), system.now());
      const asked = { file: options.config, server: source.server.name, sub: options.sub, assumed: source.assumed };
      const text = options.json ? JSON.stringify({ ...answer, ...asked }) : formatExplanation(answer, asked);
      process.stdout.write(`${text}\n`);
      done(answer.allow ? EXIT.ok : EXIT.refused);
    });
}

const ARGS_EXAMPLE = `for example '{"id": 7, "note": "text"}', in single quotes`;

function ask({ policy, server }: PolicySource, question: Ask, now: number): ReturnType<typeof answerAsk> {
  try {
    return answerAsk(policy, question, { name: server.name, now });
  } catch (error) {
    if (!(error instanceof AskError)) throw error;
    throw new CliError(error.part === undefined ? error.message : `--${error.part}: ${error.message}; ${ARGS_EXAMPLE}`);
  }
}

function askOf(options: ExplainOptions): Ask {
  const { sub, client, tool, prompt, resource, method, request, args, revision, address, details } = options;
  const time = options.time === undefined ? undefined : secondsOf(options.time);
  return {
    sub,
    scope: options.scope.join(" "),
    roles: options.role,
    act: options.act,
    allowed: options.allowed,
    ...(options.asClient && { kind: "client" as const }),
    ...definedOf({ client, tool, prompt, resource, method, request, args, revision, time, address, details }),
  };
}

function definedOf<T extends object>(members: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never;
}

/** RFC 3339, or integer seconds since the epoch. */
function secondsOf(text: string): number {
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (Number.isNaN(ms)) throw new CliError(`--time ${JSON.stringify(text)}: write it as 2026-07-28T12:00:00Z`);
  return Math.floor(ms / 1000);
}
