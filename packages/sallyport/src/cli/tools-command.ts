import { existsSync } from "node:fs";
import type { JsonObject, System } from "@sallyport/auth";
import type { Command } from "commander";
import { type CatalogueEntry, createCatalogue } from "../policy/catalogue.js";
import type { CatalogueRow } from "../policy/catalogue-store.js";
import { changesOf, formatChange, showText, unseenTextOf } from "../policy/tool-changes.js";
import { UpstreamError } from "../upstream/upstream.js";
import { createUpstream } from "./compose-server.js";
import { CliError, EXIT } from "./exit.js";
import { DEFAULT_NAME, type Installation, type InstalledServer } from "./installation.js";
import { withKeptServer } from "./kept-server.js";
import { openInstalledStore } from "./open-store.js";
import { createProgramSystem } from "./program-system.js";
import { openSealedSecrets, type SealedSecrets } from "./sealed-secrets.js";
import { keepDefinitions, readDefinitions } from "./tool-definitions.js";
import { findInstallation, say, type WorldOptions } from "./world.js";

interface ToolsOptions extends Partial<WorldOptions> {
  readonly server?: string;
  readonly json?: boolean;
}

/** One tool with the definition its scope was frozen with, as far as it was kept. */
interface KnownTool extends CatalogueEntry {
  readonly row: CatalogueRow | undefined;
  readonly before: JsonObject | undefined;
}

interface ToolCatalogue {
  readonly server: InstalledServer;
  readonly tools: readonly KnownTool[];
  /** Takes what was just read of the server as right. */
  accept(tools: readonly string[]): Promise<void>;
}

const HELP = `
A tool's scope is frozen with its definition when it is first seen. One whose definition changes needs mcp:write until it is accepted here;
servers.*.tools in the configuration keeps changed ones, and new ones, away from everybody until then. A gateway that runs follows within 2 s.
Each command asks the server anew: it starts a stdio server, and calls no tool.

Exit codes: 0 nothing waits (list, accept: done), 1 something waits to be accepted, 2 the server or the file does not answer.`;

const DEFAULT_FILE = "sallyport.yaml";

export function addToolsCommands(program: Command, done: (exitCode: number) => void): void {
  const tools = program.command("tools").description("What servers offer, and what changed since it was looked at.");
  tools.addHelpText("after", HELP);
  located(tools.command("list"))
    .description("Prints every tool with the scope a call needs now.")
    .option("--json", "as JSON", false)
    .action((options: ToolsOptions) => withCatalogues(options, async (one) => list(one, options.json === true)));
  located(tools.command("diff"))
    .description("Shows in words what changed since each tool was first seen or accepted.")
    .action((options: ToolsOptions) =>
      withCatalogues(options, async (one) => {
        if (differ(one)) done(EXIT.refused);
      }),
    );
  located(tools.command("accept [tools...]"))
    .description("Takes the definitions that the server gives now as right.")
    .option("--all", "every tool that waits", false)
    .action((names: readonly string[], options: ToolsOptions & { all: boolean }) => {
      if (options.all === names.length > 0) throw new CliError("say which tools to accept, or --all");
      return withCatalogues(options, async (one) => accept(one, options.all ? undefined : names));
    });
}

function located(command: Command): Command {
  return command
    .option("--config <file>", "the file of a `serve` installation (default: sallyport.yaml, where there is one)")
    .option("--name <name>", "a `protect` installation instead")
    .option("--data-dir <folder>", "where `protect` installations are kept")
    .option("--server <name>", "one server of a file; default all");
}

/** Whoever names neither means the file that lies here, or else the installation that `protect` makes without a name. */
function placeOf({ config, name, dataDir }: ToolsOptions): WorldOptions {
  if (config !== undefined && (name ?? dataDir) !== undefined)
    throw new CliError("--config is for `serve`, --name and --data-dir are for `protect`: give one of them");
  const here = name === undefined && dataDir === undefined && existsSync(DEFAULT_FILE) ? DEFAULT_FILE : undefined;
  const file = config ?? here;
  return {
    name: name ?? DEFAULT_NAME,
    ...(dataDir !== undefined && { dataDir }),
    ...(file !== undefined && { config: file }),
  };
}

async function withCatalogues(options: ToolsOptions, work: (catalogue: ToolCatalogue) => Promise<void>): Promise<void> {
  const system = createProgramSystem("warn", process.stderr.isTTY === true);
  const place = placeOf(options);
  const found = findInstallation(place, { accessOptional: true });
  const store = await openInstalledStore(found, system);
  try {
    const installation = found.hasOwner ? withKeptServer(found, store.sealer) : found;
    const wanted = installation.servers.filter(({ name }) => options.server === undefined || name === options.server);
    const secrets = await openSealedSecrets({ ...installation, secrets: store.secrets, system });
    if (wanted.length === 0) throw new CliError(`--server: there is no server ${JSON.stringify(options.server)}`);
    for (const server of wanted) {
      const catalogue = await createCatalogue({
        server: server.name,
        store: store.catalogue,
        system,
        handling: server.config.tools,
      });
      const definitions = await describeTools({ installation, system, secrets }, server);
      const before = new Map((await store.catalogue.load(server.name)).map((row) => [row.tool, row]));
      catalogue.observe(definitions);
      await catalogue.saved();
      const kept = readDefinitions(installation, server);
      const keep = async () => {
        const rows = await store.catalogue.load(server.name);
        keepDefinitions({ installation, server }, definitions, new Set(rows.map(({ hash }) => hash)));
      };
      await keep();
      const known = catalogue.entries().map((entry) => {
        const row = before.get(entry.tool);
        return { ...entry, row, before: row === undefined ? undefined : kept.get(row.hash) };
      });
      await work({
        server,
        tools: known,
        accept: async (names) => {
          for (const name of names) await catalogue.accept(name);
          await keep();
        },
      });
    }
  } finally {
    await store.close();
  }
}

async function describeTools(
  parts: { readonly installation: Installation; readonly system: System; readonly secrets: SealedSecrets },
  server: InstalledServer,
): Promise<readonly JsonObject[]> {
  const upstream = createUpstream(server, { ...parts, vault: undefined });
  try {
    const { tools } = await upstream.describe();
    return tools as readonly JsonObject[];
  } catch (error) {
    throw error instanceof UpstreamError ? new CliError(`${server.title}: ${error.message}`) : error;
  } finally {
    await upstream.close();
  }
}

function list({ server, tools }: ToolCatalogue, json: boolean): void {
  if (json) {
    const shown = tools.map(({ tool, scope, frozenScope, changed, quarantined, definition }) => ({
      ...{ tool, scope, frozenScope, changed, quarantined },
      unseen: definition === undefined ? [] : unseenTextOf(definition),
    }));
    say(JSON.stringify({ server: server.name, tools: shown }));
    return;
  }
  say(server.title);
  for (const tool of tools)
    say(`  ${showText(tool.tool).padEnd(32)} ${tool.scope.padEnd(12)}${notesOf(tool)}`.trimEnd());
}

function notesOf({ changed, quarantined, definition, row }: KnownTool): string {
  const notes = [
    ...(changed ? ["changed: not accepted yet"] : []),
    ...(row === undefined ? ["new"] : []),
    ...(quarantined ? ["in quarantine: neither listed nor callable"] : []),
    ...(definition === undefined ? ["no longer offered"] : []),
    ...(definition !== undefined && unseenTextOf(definition).length > 0
      ? ["holds characters that cannot be seen"]
      : []),
  ];
  return notes.join("; ");
}

/** Whether something waits. */
function differ({ server, tools }: ToolCatalogue): boolean {
  say(server.title);
  let waits = false;
  for (const tool of tools) {
    const lines = [...changeLines(tool), ...unseenLines(tool)];
    if (lines.length === 0) continue;
    waits ||= tool.waits;
    say(`  ${showText(tool.tool)}`);
    for (const line of lines) say(`    ${line}`);
  }
  if (!waits) say("  Nothing waits to be accepted.");
  return waits;
}

function changeLines({ changed, quarantined, scope, before, definition, row }: KnownTool): readonly string[] {
  if (definition === undefined) return ["is no longer offered"];
  if (!changed && quarantined) return newLines(definition, scope);
  if (row === undefined) return ["is new: its scope is frozen now"];
  if (!changed) return [];
  if (before === undefined)
    return ["changed; how it was before was not kept. It is now:", showText(JSON.stringify(definition))];
  return changesOf(before, definition).map(formatChange);
}

/** What somebody has to look at before they accept a tool that nobody has looked at. */
function newLines(definition: JsonObject, scope: string): readonly string[] {
  const { name: _, ...rest } = definition;
  return [
    `was never accepted; by its annotations it would need ${scope}. It is:`,
    ...Object.entries(rest).map(([member, value]) => showText(`${member}: ${JSON.stringify(value)}`)),
  ];
}

function unseenLines({ definition }: KnownTool): readonly string[] {
  if (definition === undefined) return [];
  return unseenTextOf(definition).map(
    ({ place, characters }) =>
      `! ${place} holds characters that cannot be seen: ${characters.map((code) => `U+${code.toUpperCase()}`).join(" ")}`,
  );
}

/** `undefined`: whatever waits. */
async function accept(
  { server, tools, accept: take }: ToolCatalogue,
  names: readonly string[] | undefined,
): Promise<void> {
  const waiting = tools.filter(({ waits, definition }) => waits && definition !== undefined).map(({ tool }) => tool);
  const unknown = (names ?? []).filter((name) => !tools.some(({ tool }) => tool === name));
  if (unknown.length > 0) {
    throw new CliError(
      `${server.title} offers no ${unknown.map((name) => JSON.stringify(name)).join(", ")}`,
      EXIT.refused,
    );
  }
  const taken = waiting.filter((tool) => names === undefined || names.includes(tool));
  await take(taken);
  say(
    taken.length === 0
      ? `${server.title}: nothing of that waits.`
      : `${server.title}: accepted ${taken.map(showText).join(", ")}.`,
  );
}
