import type { Grant } from "@sallyport/auth/authorization-server";
import type { Command } from "commander";
import {
  type ClientDirectory,
  type ConfiguredClient,
  createClientDirectory,
  type KnownClient,
  readAll,
} from "../admin/index.js";
import { showText } from "../policy/tool-changes.js";
import { CliError, EXIT } from "./exit.js";
import type { Installation } from "./installation.js";
import { formatTable, formatTime } from "./table.js";
import { inAWorld, inWorld, say, type World, type WorldOptions } from "./world.js";

const HELP = `
A client is known by the configuration file, by its own registration, or by a document at its client_id. "not listed" are documents
that \`registration.documents: { report: [hosts] }\` would refuse as \`{ hosts: [hosts] }\`. Names are the clients' own word.

Exit codes: 0 done, 1 nobody knows that client, 2 the installation cannot be opened.`;

export function addClientCommands(program: Command): void {
  const client = program.command("client").description("Which programs may act for people, and ending that.");
  client.addHelpText("after", HELP);
  inAWorld(client.command("list"))
    .description("Lists every client with what is known of it.")
    .option("--json", "as JSON", false)
    .action((options: WorldOptions & { json: boolean }) =>
      inWorld(options, async (world) => say(await listClients(world, options.json))),
    );
  inAWorld(client.command("show <client_id>"))
    .description("Shows one client, and who granted what to it.")
    .option("--json", "as JSON", false)
    .action((client_id: string, options: WorldOptions & { json: boolean }) =>
      inWorld(options, async (world) => say(await showClient(world, client_id, options.json))),
    );
  inAWorld(client.command("revoke <client_id>"))
    .description("Ends everything granted to a client, within 2 seconds, and forgets its registration.")
    .action((client_id: string, options: WorldOptions) =>
      inWorld(options, async (world) => {
        const known = await findClient(world, client_id);
        const { sessions } = await world.store.registry.removeClient(client_id, world.now);
        say(`Ended ${sessions} session${sessions === 1 ? "" : "s"}. ${AFTERWARDS[known.kind]}`);
      }),
    );
}

/** What keeps it from coming back, if anything does. */
const AFTERWARDS: Readonly<Record<KnownClient["kind"], string>> = {
  configured: "The client itself stays, until it is taken out of the configuration file.",
  registered: "Its registration is forgotten.",
  document: "It may ask again, unless `registration.documents` keeps its host out.",
};

function directoryOf({ installation, store, system }: World): ClientDirectory {
  return createClientDirectory({
    configured: configuredClientsOf(installation),
    clients: store.clients,
    registry: store.registry,
    documents: store.clientDocuments,
    now: system.now,
  });
}

export function configuredClientsOf({ config }: Installation): readonly ConfiguredClient[] {
  return Object.entries(config.clients).map(([client_id, { name, redirectUris }]) => ({
    client_id,
    client_name: name,
    redirect_uris: redirectUris,
  }));
}

async function findClient(world: World, client_id: string): Promise<KnownClient> {
  const known = await directoryOf(world).find(client_id);
  if (known === undefined) throw new CliError(`nobody knows a client ${JSON.stringify(client_id)}`, EXIT.refused);
  return known;
}

async function listClients(world: World, json: boolean): Promise<string> {
  const directory = directoryOf(world);
  const people = new Map<string, Set<string>>();
  for await (const { client_id, sub } of grantsOf(world, {})) {
    people.set(client_id, (people.get(client_id) ?? new Set()).add(sub));
  }
  const clients: (KnownClient & { readonly people: number })[] = [];
  for (let after: string | undefined, more = true; more; ) {
    const page = await directory.list({ limit: 1_000, after });
    clients.push(...page.clients.map((client) => ({ ...client, people: people.get(client.client_id)?.size ?? 0 })));
    after = page.next;
    more = after !== undefined;
  }
  if (json) return JSON.stringify(clients);
  if (clients.length === 0) return "No client yet.";
  const rows = clients.map((client) => [
    showText(client.client_id),
    showText(client.client_name ?? "-"),
    describe(client),
    String(client.people),
  ]);
  return formatTable(["client", "calls itself", "known by", "people"], rows);
}

function describe(client: KnownClient): string {
  if (client.kind === "configured") return "configuration";
  if (client.kind === "registered") return `registration of ${formatTime(client.created)}`;
  const seen = client.last_seen === undefined ? "" : `, seen ${formatTime(client.last_seen)}`;
  return `document${client.unlisted === true ? " (not listed)" : ""}${seen}`;
}

async function showClient(world: World, client_id: string, json: boolean): Promise<string> {
  const client = await findClient(world, client_id);
  const grants = await Promise.all(
    (await collect(grantsOf(world, { client_id }))).map(async (grant) => ({
      ...grant,
      user: (await world.store.users.find(grant.sub))?.name ?? grant.sub,
    })),
  );
  const sessions = await collect(
    readAll(
      (page) => world.store.registry.sessions({ client_id }, page, world.now),
      ({ id }) => id,
    ),
  );
  if (json) return JSON.stringify({ ...client, grants, sessions });
  const lines = [
    showText(client.client_id),
    `  calls itself   ${showText(client.client_name ?? "-")}`,
    `  known by       ${describe(client)}`,
    ...("redirect_uris" in client && client.redirect_uris.length > 0
      ? [`  answers go to  ${client.redirect_uris.map(showText).join(" ")}`]
      : []),
    ...grants.map(({ user, resource, scopes }) => `  granted        ${user}: ${scopes.join(" ")} at ${resource}`),
    ...sessions.map(({ id, last_used }) => `  session        ${id}, last used ${formatTime(last_used)}`),
  ];
  return lines.join("\n");
}

function grantsOf({ store }: World, filter: { readonly client_id?: string }): AsyncGenerator<Grant> {
  return readAll(
    (page) => store.registry.grants(filter, page),
    ({ id }) => id,
  );
}

async function collect<Row>(rows: AsyncIterable<Row>): Promise<readonly Row[]> {
  const all: Row[] = [];
  for await (const row of rows) all.push(row);
  return all;
}
