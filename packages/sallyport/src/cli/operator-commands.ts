import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { RevocationSelector } from "@sallyport/auth/authorization-server";
import type { Command } from "commander";
import { configType } from "../config/schema.js";
import type { ExternalSelector } from "../federation/index.js";
import { createUsers, type IssuedCode, type Users } from "../sign-in/index.js";
import type { Store } from "../stores/store.js";
import { CliError, EXIT } from "./exit.js";
import {
  DEFAULT_NAME,
  defaultDataFolder,
  type Installation,
  protectInstallation,
  worldFolder,
} from "./installation.js";
import { loadInstallation } from "./load-installation.js";
import { openInstalledStore } from "./open-store.js";
import { createProgramSystem } from "./program-system.js";
import { formatUsers } from "./users-table.js";

interface WorldOptions {
  readonly name: string;
  readonly dataDir?: string;
  readonly config?: string;
}

interface World {
  readonly installation: Installation;
  readonly store: Store;
  readonly users: Users;
  readonly now: number;
}

type Say = (line: string) => void;
const say: Say = (line) => process.stdout.write(`${line}\n`);

/** Opens the installation that the flags name, runs `work` on it and closes it again. A running gateway sees the change within 2 s. */
async function inWorld(options: WorldOptions, work: (world: World) => Promise<void>): Promise<void> {
  const system = createProgramSystem("warn", process.stderr.isTTY === true);
  const installation = options.config === undefined ? protectedWorld(options) : loadInstallation(options.config);
  const store = await openInstalledStore(installation, system);
  try {
    await work({ installation, store, users: createUsers(store, system), now: system.now() });
  } catch (error) {
    // The user functions answer with a sentence for the operator; anything else is a defect and keeps its stack.
    throw error instanceof TypeError ? new CliError(error.message, EXIT.refused) : error;
  } finally {
    await store.close();
  }
}

function protectedWorld(options: WorldOptions): Installation {
  const dataFolder = worldFolder({ dataDir: options.dataDir, name: options.name }, process.env);
  if (!existsSync(join(dataFolder, "sallyport.db"))) {
    const known = knownNames(resolve(options.dataDir ?? defaultDataFolder(process.env)));
    throw new CliError(
      `there is no installation ${JSON.stringify(options.name)}${known.length === 0 ? "" : `; there are: ${known.join(", ")}`}. ` +
        "Name one with --name, or a configuration file with --config.",
    );
  }
  const config = configType.parse({ servers: { only: { upstream: "http://localhost/" } } });
  const [server] = Object.values(config.servers);
  if (server === undefined) throw new TypeError("the schema dropped the server");
  return protectInstallation({ name: options.name, dataFolder, config, server, workingFolder: process.cwd() });
}

function knownNames(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => existsSync(join(folder, name, "sallyport.db")));
}

function inAWorld(command: Command): Command {
  return command
    .option("--name <name>", "the `protect` installation", DEFAULT_NAME)
    .option("--data-dir <folder>", "where installations are kept")
    .option("--config <file>", "the file of a `serve` installation, instead of --name");
}

export function addOperatorCommands(program: Command, done: (exitCode: number) => void): void {
  const user = program.command("user").description("Who may sign in, and what they may grant to clients.");
  addUserCommands(user);
  const owner = program.command("owner").description("The owner of a `protect` installation.");
  inAWorld(owner.command("code"))
    .description("Makes a new sign-in code for the owner; the one before stops working.")
    .action((options: WorldOptions) =>
      inWorld(options, async ({ users, installation }) => {
        if (!installation.hasOwner)
          throw new CliError("a `serve` installation has no owner; its people come from `sallyport user add`");
        sayCode(await users.createOwnerCode(), installation);
      }),
    );
  addRevokeCommand(program, done);
}

function addUserCommands(user: Command): void {
  inAWorld(user.command("add <user>"))
    .description(
      "Adds somebody and prints an invitation code for them. They may grant nothing until `user allow` or `access` says so.",
    )
    .option(
      "--role <role>",
      "role for `access` and rules; repeatable",
      (role, roles: readonly string[]) => [...roles, role],
      [],
    )
    .action((name: string, options: WorldOptions & { role: readonly string[] }) =>
      inWorld(options, async ({ users, installation }) => {
        const { user: added, code } = await users.addUser(name, options.role);
        say(`Added ${added.name}.`);
        sayCode(code, installation);
      }),
    );
  inAWorld(user.command("allow <user> [scopes...]"))
    .description("Replaces what somebody may grant to clients on a server. Without scopes: nothing any more.")
    .option("--server <server>", "server of the configuration file; a `protect` installation has one only", "")
    .action((name: string, scopes: string[], options: WorldOptions & { server: string }) =>
      inWorld(options, async (world) => {
        checkScopes(world.installation, options.server, scopes);
        await world.users.allow(name, options.server, scopes);
        say(scopes.length === 0 ? `${name} may grant nothing.` : `${name} may grant ${scopes.join(" ")}.`);
      }),
    );
  const simple: readonly (readonly [
    verb: string,
    what: string,
    done: string,
    act: (users: Users, name: string) => Promise<unknown>,
  ])[] = [
    [
      "disable",
      "Ends what somebody granted and keeps them from signing in; within 2 seconds.",
      "disabled",
      (users, name) => users.disableUser(name),
    ],
    [
      "enable",
      "Lets somebody sign in again. What was ended stays ended.",
      "enabled",
      (users, name) => users.enableUser(name),
    ],
  ];
  for (const [verb, what, result, act] of simple) {
    inAWorld(user.command(`${verb} <user>`))
      .description(what)
      .action((name: string, options: WorldOptions) =>
        inWorld(options, async ({ users }) => {
          await act(users, name);
          say(`${name} is ${result}.`);
        }),
      );
  }
  inAWorld(user.command("reset <user>"))
    .description("Takes somebody's password and passkeys away and prints a new code for them.")
    .action((name: string, options: WorldOptions) =>
      inWorld(options, async ({ users, installation }) => sayCode(await users.resetUser(name), installation)),
    );
  inAWorld(user.command("list"))
    .description("Lists everybody.")
    .option("--json", "as JSON", false)
    .action((options: WorldOptions & { json: boolean }) =>
      inWorld(options, async ({ users }) => {
        const all = await users.listUsers();
        say(options.json ? JSON.stringify(all) : formatUsers(all));
      }),
    );
}

function checkScopes({ servers }: Installation, name: string, scopes: readonly string[]): void {
  const server = servers.find((candidate) => candidate.name === name);
  if (server === undefined) {
    const problem = name === "" ? "say which one" : `there is no server ${JSON.stringify(name)}`;
    throw new CliError(`--server: ${problem}; there are: ${servers.map((known) => known.name).join(", ")}`);
  }
  const known = Object.keys(server.config.scopes ?? { "mcp:read": {}, "mcp:write": {} });
  const unknown = scopes.filter((scope) => !known.includes(scope));
  if (unknown.length > 0)
    throw new CliError(
      `unknown scope ${unknown.map((scope) => JSON.stringify(scope)).join(", ")}; there are: ${known.join(", ")}`,
    );
}

/** What is not in a file (the port of `protect`, a free port) is known only to whoever started the program. */
function sayCode({ code }: IssuedCode, { config: { publicUrl, listen }, hasOwner }: Installation): void {
  const local = hasOwner || listen.port === 0 ? undefined : `http://localhost:${listen.port}`;
  const address = publicUrl ?? local;
  const where = address === undefined ? "the address of this installation followed by /account" : `${address}/account`;
  say(`Sign-in code: ${code}   (works once; open ${where})`);
}

interface RevokeOptions extends WorldOptions {
  readonly user?: string;
  readonly client?: string;
  readonly session?: string;
  readonly issuer?: string;
  readonly subject?: string;
  readonly issuedBefore?: string;
  readonly all: boolean;
}

function addRevokeCommand(program: Command, done: (exitCode: number) => void): void {
  inAWorld(program.command("revoke"))
    .description("Ends sessions and grants; refused everywhere within 2 seconds. Several conditions must all match.")
    .option("--user <user>", "what this person granted")
    .option("--client <client_id>", "what was granted to this client")
    .option("--session <id>", "one session")
    .option("--issuer <url>", "tokens of this external authorization server instead, issued until now")
    .option("--subject <sub>", "with --issuer: of this subject")
    .option("--issued-before <time>", "sessions that began, or external tokens issued, before this time (ISO 8601)")
    .option("--all", "everything", false)
    .action((options: RevokeOptions) =>
      inWorld(options, async ({ installation, store, now }) => {
        const external = externalSelectors(options, installation);
        const at = options.issuedBefore === undefined ? now : timeOf(options.issuedBefore) - 1;
        for (const selector of external) {
          const known = await store.externalGrants.revoke(selector, at);
          say(`Refused from now on: tokens of ${selector.issuer} until now (${known} known here).`);
        }
        if (external.length > 0 && !options.all) return;
        const count = await store.sessions.revoke(await selectorOf(options, store, now), now);
        say(`Ended ${count} session${count === 1 ? "" : "s"}.`);
        if (count === 0) done(EXIT.refused);
      }),
    );
}

/** What is ended of other authorization servers. With `--all` everything of every one that the configuration names. */
function externalSelectors(
  { issuer, subject, client, user, session, all }: RevokeOptions,
  { servers }: Installation,
): readonly ExternalSelector[] {
  const issuers = servers.flatMap(({ config }) => (config.authorizationServers ?? []).map((entry) => entry.issuer));
  if (issuer === undefined) {
    if (subject !== undefined) throw new CliError("--subject goes with --issuer");
    return all && (user ?? client ?? session) === undefined
      ? [...new Set(issuers)].map((one) => ({ issuer: one }))
      : [];
  }
  if ((user ?? session) !== undefined) throw new CliError("--issuer goes with --subject and --client only");
  if (!issuers.includes(issuer)) {
    throw new CliError(
      `--issuer ${JSON.stringify(issuer)}: no server of this installation names it; there are: ${[...new Set(issuers)].join(", ") || "none"}`,
    );
  }
  return [
    { issuer, ...(subject !== undefined && { sub: subject }), ...(client !== undefined && { client_id: client }) },
  ];
}

async function selectorOf(options: RevokeOptions, store: Store, now: number): Promise<RevocationSelector> {
  const selector: { -readonly [K in keyof RevocationSelector]: RevocationSelector[K] } = {};
  if (options.user !== undefined) {
    const user = await store.users.findByName(options.user);
    if (user === undefined) throw new CliError(`there is no user ${JSON.stringify(options.user)}`, EXIT.refused);
    selector.sub = user.sub;
  }
  if (options.client !== undefined) selector.client_id = options.client;
  if (options.session !== undefined) selector.session_id = options.session;
  if (options.issuedBefore !== undefined) selector.issued_before = timeOf(options.issuedBefore);
  if (options.all) selector.issued_before ??= now + 1;
  if (Object.keys(selector).length === 0)
    throw new CliError("say what to end: --user, --client, --session, --issued-before or --all");
  return selector;
}

function timeOf(text: string): number {
  const milliseconds = /^\d{4}-\d{2}-\d{2}(T.*)?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(milliseconds))
    throw new CliError(`--issued-before ${JSON.stringify(text)}: write a time such as 2026-11-23T12:00:00Z`);
  return Math.floor(milliseconds / 1000);
}
