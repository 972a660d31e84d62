import type { Grant, Session } from "@sallyport/auth/authorization-server";
import type { Command } from "commander";
import { type Filter, readAll } from "../admin/index.js";
import { showText } from "../policy/tool-changes.js";
import { CliError, EXIT } from "./exit.js";
import { formatTable, formatTime } from "./table.js";
import { inAWorld, inWorld, say, type World, type WorldOptions } from "./world.js";

interface ListOptions extends WorldOptions {
  readonly user?: string;
  readonly client?: string;
  readonly json: boolean;
}

/** A row with the name of the person behind it; a client that acts for itself has none. */
type Named<Row> = Row & { readonly user: string };

/** `grant list` and `session list`: what `revoke` can end, with the ids that it takes. */
export function addAccessCommands(program: Command): void {
  const grant = program.command("grant").description("Who let which client do what.");
  listing(grant.command("list"))
    .description("Lists what was granted. `sallyport revoke --user … --client …` ends it.")
    .action((options: ListOptions) =>
      inWorld(options, async (world) => {
        const filter = await filterOf(world, options);
        const read = readAll<Grant>((page) => world.store.registry.grants(filter, page), idOf);
        const grants = await named(world, read);
        say(options.json ? JSON.stringify(grants) : formatGrants(grants));
      }),
    );
  const session = program.command("session").description("Families of tokens that live.");
  listing(session.command("list"))
    .description("Lists live sessions. `sallyport revoke --session <id>` ends one, and what was exchanged from it.")
    .action((options: ListOptions) =>
      inWorld(options, async (world) => {
        const filter = await filterOf(world, options);
        const read = readAll<Session>((page) => world.store.registry.sessions(filter, page, world.now), idOf);
        const sessions = (await named(world, read)).map(({ dpop_jkt, ...row }) => ({
          ...row,
          dpop: dpop_jkt !== undefined,
        }));
        say(options.json ? JSON.stringify(sessions) : formatSessions(sessions));
      }),
    );
}

function listing(command: Command): Command {
  return inAWorld(command)
    .option("--user <user>", "of this person")
    .option("--client <client_id>", "of this client")
    .option("--json", "as JSON", false);
}

const idOf = ({ id }: { readonly id: string }) => id;

async function filterOf({ store }: World, { user, client }: ListOptions): Promise<Filter> {
  const sub = user === undefined ? undefined : (await store.users.findByName(user))?.sub;
  if (user !== undefined && sub === undefined)
    throw new CliError(`there is no user ${JSON.stringify(user)}`, EXIT.refused);
  return { sub, client_id: client };
}

/** Newest first. */
async function named<Row extends { readonly sub: string; readonly created: number }>(
  { store }: World,
  rows: AsyncIterable<Row>,
): Promise<readonly Named<Row>[]> {
  const names = new Map<string, string>();
  const all: Named<Row>[] = [];
  for await (const row of rows) {
    const user = names.get(row.sub) ?? (await store.users.find(row.sub))?.name ?? row.sub;
    names.set(row.sub, user);
    all.push({ ...row, user });
  }
  return all.sort((a, b) => b.created - a.created);
}

function formatGrants(grants: readonly Named<Grant>[]): string {
  if (grants.length === 0) return "Nothing is granted.";
  const rows = grants.map(({ user, client_id, resource, scopes, details, updated }) => [
    user,
    showText(client_id),
    resource,
    mayText(scopes, details),
    formatTime(updated),
  ]);
  return formatTable(["user", "client", "server", "may", "last agreed"], rows);
}

function mayText(scopes: readonly string[], details: Grant["details"] = []): string {
  const calls = details.length === 0 ? [] : [`${details.length} single call${details.length === 1 ? "" : "s"}`];
  return [...scopes, ...calls].join(" ");
}

type ListedSession = Pick<
  Session,
  "id" | "parent_id" | "client_id" | "resource" | "scopes" | "details" | "last_used"
> & {
  readonly user: string;
};

function formatSessions(sessions: readonly ListedSession[]): string {
  if (sessions.length === 0) return "No session lives.";
  // Which link of a chain hangs on which; where nothing was exchanged there is no chain to show.
  const chained = sessions.some(({ parent_id }) => parent_id !== undefined);
  const rows = sessions.map(({ id, parent_id, user, client_id, resource, scopes, details, last_used }) => [
    id,
    user,
    showText(client_id),
    resource,
    mayText(scopes, details),
    formatTime(last_used),
    ...(chained ? [parent_id ?? ""] : []),
  ]);
  const titles = ["session", "user", "client", "server", "may", "last used", ...(chained ? ["exchanged from"] : [])];
  return formatTable(titles, rows);
}
