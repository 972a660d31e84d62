import type { Command } from "commander";
import { SECRET_NAME } from "../config/setting.js";
import { CliError, EXIT } from "./exit.js";
import { formatTable, formatTime } from "./table.js";
import { inAWorld, inWorld, say, type WorldOptions } from "./world.js";

const HELP = `
A secret lies in the store, sealed under the master key, and is named in the configuration: \`{ secret: <name> }\` in \`static\` credentials, the \`headers\`
and \`env\` of a server, as \`value\` of an \`egress\`, and wherever the gateway says who it is at another server. The value comes from standard input,
never from the command line, where everybody on the machine could read it; it is shown by no command.

  $ sallyport secret set mail-key --config sallyport.yaml < mail.key
  $ pass show mail | sallyport secret set mail-key --config sallyport.yaml

A new value counts within 2 seconds at every running process: the next call goes with it, and stdio servers that hold the old one are started anew.

Exit codes: 0 done, 1 there is none of that name, 2 the value or the installation cannot be read.`;

/** Bytes. More is a file of something else. */
const MAX_BYTES = 64 * 1024;

export function addSecretCommands(program: Command): void {
  const secret = program
    .command("secret")
    .description("Secrets for the systems behind, sealed in the store.")
    .addHelpText("after", HELP);
  inAWorld(secret.command("set <name>"))
    .description(
      "Stores what standard input says under a name, in place of what was there. One line break at its end goes.",
    )
    .action(async (name: string, options: WorldOptions) => {
      if (!SECRET_NAME.test(name)) {
        throw new CliError(`${JSON.stringify(name)}: a name is 1 to 64 of A-Z, a-z, 0-9, ".", "_" and "-"`);
      }
      if (process.stdin.isTTY) process.stderr.write("The value, then Enter and Ctrl-D (what you type is shown):\n");
      const value = await readValue(process.stdin);
      await inWorld(options, async ({ store }) => {
        await store.secrets.set(name, value);
        say(`Stored. { secret: ${name} } stands for it.`);
      });
    });
  inAWorld(secret.command("list"))
    .description("Lists the names, without the values.")
    .option("--json", "as JSON", false)
    .action((options: WorldOptions & { json: boolean }) =>
      inWorld(options, async ({ store }) => {
        const all = await store.secrets.list();
        if (options.json) return say(JSON.stringify(all));
        if (all.length === 0) return say("None is stored.");
        const rows = all.map(({ name, created, updated }) => [name, formatTime(created), formatTime(updated)]);
        say(formatTable(["secret", "first stored", "last stored"], rows));
      }),
    );
  inAWorld(secret.command("remove <name>"))
    .description("Takes a secret away. Calls that need it are refused within 2 seconds.")
    .action((name: string, options: WorldOptions) =>
      inWorld(options, async ({ store }) => {
        if (!(await store.secrets.remove(name))) {
          throw new CliError(`there is no secret ${JSON.stringify(name)}; \`sallyport secret list\``, EXIT.refused);
        }
        say("Removed.");
      }),
    );
}

/** @throws CliError that says nothing of the value */
export async function readValue(input: AsyncIterable<unknown>): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of input) {
    const bytes = Buffer.from(chunk as Uint8Array);
    length += bytes.length;
    if (length > MAX_BYTES) throw new CliError(`the value is longer than ${MAX_BYTES} bytes`);
    chunks.push(bytes);
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new CliError("the value is no UTF-8 text");
  }
  const value = text.replace(/\r?\n$/, "");
  if (value === "") throw new CliError("the value is empty: give it on standard input");
  if (value.includes("\0"))
    throw new CliError("the value holds a NUL byte, which neither a header nor an environment can");
  return value;
}
