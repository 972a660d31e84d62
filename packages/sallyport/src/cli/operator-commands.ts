import type { RevocationSelector } from "@sallyport/auth/authorization-server";
import type { Command } from "commander";
import type { ExternalSelector } from "../federation/index.js";
import type { Store } from "../stores/store.js";
import { CliError, EXIT } from "./exit.js";
import type { Installation } from "./installation.js";
import { addUserCommands, sayCode } from "./user-commands.js";
import { inAWorld, inWorld, say, type WorldOptions } from "./world.js";

export function addOperatorCommands(program: Command, done: (exitCode: number) => void): void {
  addUserCommands(program);
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
