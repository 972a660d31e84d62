import type { Command } from "commander";
import { namedRoles } from "../policy/named-roles.js";
import type { IssuedCode, Users } from "../sign-in/index.js";
import { durationText } from "./duration-text.js";
import { CliError } from "./exit.js";
import type { Installation } from "./installation.js";
import { formatUsers } from "./users-table.js";
import { inAWorld, inWorld, say, type World, type WorldOptions } from "./world.js";

export function addUserCommands(program: Command): void {
  const user = program.command("user").description("Who may sign in, and what they may grant to clients.");
  addPermissions(user);
  addSwitches(user);
  inAWorld(user.command("reset <user>"))
    .description("Takes somebody's password and passkeys away and prints a new code for them.")
    .action((name: string, options: WorldOptions) =>
      inWorld(options, async (world) => sayCode(await world.users.resetUser(name), world)),
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

function addPermissions(user: Command): void {
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
      inWorld(options, async (world) => {
        const { user: added, code } = await world.users.addUser(name, options.role);
        say(`Added ${added.name}.`);
        warnOfRoles(world.installation, options.role);
        sayCode(code, world);
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
  inAWorld(user.command("roles <user> [roles...]"))
    .description("Replaces somebody's roles. Without roles: none any more. Roles from an identity provider stay.")
    .action((name: string, roles: string[], options: WorldOptions) =>
      inWorld(options, async ({ users, installation }) => {
        await users.setRoles(name, roles);
        say(
          roles.length === 0
            ? `${name} has no role here.`
            : `${name} has the role${roles.length === 1 ? "" : "s"} ${roles.join(", ")}.`,
        );
        warnOfRoles(installation, roles);
      }),
    );
}

/** Roles may be given before the file has a use for them; one that was misspelt has none for ever. */
function warnOfRoles({ hasOwner, config }: Installation, roles: readonly string[]): void {
  // `protect` has no file that would name any.
  const known = hasOwner ? undefined : namedRoles(config);
  const unknown = known === undefined ? [] : roles.filter((role) => !known.includes(role));
  if (known === undefined || unknown.length === 0) return;
  const which = `role${unknown.length === 1 ? "" : "s"} ${unknown.map((role) => JSON.stringify(role)).join(", ")}`;
  const names = known.length === 0 ? "the file names none" : `known: ${known.join(", ")}`;
  process.stderr.write(`warning: no access entry or rule names the ${which}; ${names}\n`);
}

function addSwitches(user: Command): void {
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
export function sayCode({ code, expires }: IssuedCode, { installation, now }: World): void {
  const { config, hasOwner } = installation;
  const { publicUrl, listen } = config;
  const local = hasOwner || listen.port === 0 ? undefined : `http://localhost:${listen.port}`;
  const address = publicUrl ?? local;
  const where = address === undefined ? "the address of this installation followed by /account" : `${address}/account`;
  say(`Sign-in code: ${code}   (works once, within ${durationText(expires - now)}; open ${where})`);
}
