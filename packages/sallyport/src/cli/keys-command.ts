import type { Command } from "commander";
import { readPkcs8 } from "../stores/key-material.js";
import type { StoredKey } from "../stores/signing-keys.js";
import { CliError, EXIT } from "./exit.js";
import { readText } from "./read-text.js";
import { formatTable, formatTime } from "./table.js";
import { inAWorld, inWorld, say, type WorldOptions } from "./world.js";

const HELP = `
The first key is made at the first start; \`keys.rotateAfter\` says when the next one takes over by itself. A key that was replaced stays
published for a week, so that what it signed is good until it expires. Removing it ends that within 2 seconds: clients refresh and go on.
After a theft: \`keys rotate\`, then \`keys remove\` with the old key's id.

Exit codes: 0 done, 1 refused, 2 the installation cannot be opened.`;

export function addKeysCommands(program: Command): void {
  const keys = program.command("keys").description("The keys that sign access tokens.").addHelpText("after", HELP);
  inAWorld(keys.command("list"))
    .description("Lists the keys that are published, and which one signs.")
    .option("--json", "as JSON", false)
    .action((options: WorldOptions & { json: boolean }) =>
      inWorld(options, async ({ store }) => {
        const all = await store.keys.list();
        say(options.json ? JSON.stringify(all) : formatKeys(all));
      }),
    );
  inAWorld(keys.command("rotate"))
    .description("Makes a key that signs from now on.")
    .action((options: WorldOptions) => inWorld(options, async ({ store }) => sayTaken(await store.keys.rotate())));
  inAWorld(keys.command("remove <kid>"))
    .description("Takes a key out of service: every token it signed is refused within 2 seconds.")
    .action((kid: string, options: WorldOptions) =>
      inWorld(options, async ({ store }) => {
        const outcome = await store.keys.remove(kid);
        if (outcome === "signs") throw new CliError("this key signs; `sallyport keys rotate` first", EXIT.refused);
        if (outcome === "unknown")
          throw new CliError(`there is no key ${JSON.stringify(kid)}; \`sallyport keys list\``, EXIT.refused);
        say("Removed. What it signed is refused from now on.");
      }),
    );
  inAWorld(keys.command("import <file>"))
    .description("Takes a private key (PKCS#8, PEM, not encrypted), which signs from now on.")
    .action((file: string, options: WorldOptions) =>
      inWorld(options, async ({ store, installation }) => {
        const material = await readPkcs8(readText(file)).catch((error: Error) => {
          throw new CliError(`${file}: ${error.message}`, EXIT.refused);
        });
        const { algorithm } = installation.config.keys;
        if (material.alg !== algorithm) {
          const problem = `the key is one for ${material.alg}, and this installation signs with ${algorithm}`;
          throw new CliError(`${file}: ${problem} (\`keys.algorithm\`)`, EXIT.refused);
        }
        sayTaken(await store.keys.rotate(material));
        say(`The store has it sealed; ${file} is not needed any more.`);
      }),
    );
}

function sayTaken({ kid, alg }: StoredKey): void {
  say(`${kid} (${alg}) signs from now on.`);
}

function formatKeys(keys: readonly StoredKey[]): string {
  if (keys.length === 0) return "No key yet: the first start makes one.";
  const rows = keys.map(({ kid, alg, created, retired }) => [
    kid,
    alg,
    formatTime(created),
    retired === undefined ? "signs" : `published, replaced ${formatTime(retired)}`,
  ]);
  return formatTable(["key", "algorithm", "made", "state"], rows);
}
