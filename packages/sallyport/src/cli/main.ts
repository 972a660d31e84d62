import { Command, CommanderError, Help } from "commander";
import { ConfigError } from "../config/problem.js";
import { loadCommands } from "./commands.js";
import { CliError, EXIT } from "./exit.js";
import { VERSION } from "./version.js";

const INTRODUCTION = `
Sallyport puts OAuth 2.1 in front of any MCP server and decides every call.

Start here:
  $ sallyport protect -- npx -y @modelcontextprotocol/server-everything
  $ sallyport protect --url http://127.0.0.1:9001/mcp

Each command explains itself: sallyport <command> --help. The documentation of this version: sallyport docs`;

/** Runs one command line. Answers the exit code; never throws, never exits by itself. */
export async function main(argv: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.ok;
  const program = new Command("sallyport")
    .description("The authorization layer for the Model Context Protocol")
    .version(VERSION)
    .addHelpText("after", INTRODUCTION)
    .configureHelp({
      subcommandDescription: (command) => asListed(command.summary() || command.description()),
      optionDescription: (option) => new Help().optionDescription(option).replace(/ \(default: (?:\[\]|false)\)$/, ""),
    })
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "sallyport: ")) })
    .exitOverride();
  for (const add of await loadCommands(argv[0])) {
    add(program, (code) => {
      exitCode = code;
    });
  }
  pointToHelp(program, "sallyport");
  try {
    await program.parseAsync([...argv], { from: "user" });
  } catch (error) {
    exitCode = report(error);
  }
  return exitCode;
}

/** The first sentence of a description, as one line of a list. */
function asListed(description: string): string {
  const [first = ""] = description.split(/\.(?:\s|$)/);
  return first.charAt(0).toLowerCase() + first.slice(1);
}

/** What is wrong with a command line is explained by the help of that very command. */
function pointToHelp(command: Command, name: string): void {
  command.showHelpAfterError(`(${name} --help says more)`);
  for (const child of command.commands) pointToHelp(child, `${name} ${child.name()}`);
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof CliError) {
    process.stderr.write(`sallyport: ${error.message}\n`);
    return error.exitCode;
  }
  if (error instanceof ConfigError) {
    process.stderr.write(`${error.message}\n`);
    return EXIT.usage;
  }
  process.stderr.write(`sallyport: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return EXIT.usage;
}
