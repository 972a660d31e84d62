import type { Command } from "commander";
import { AdminRefusal, type CutOff, cutOff } from "../admin/index.js";
import { SIGN_IN } from "../vault/index.js";
import { CliError, EXIT } from "./exit.js";
import type { InstalledServer } from "./installation.js";
import { formatTime } from "./table.js";
import { addUserCommands, sayCode } from "./user-commands.js";
import { inAWorld, inWorld, say, type WorldOptions } from "./world.js";

export function addOperatorCommands(program: Command, done: (exitCode: number) => void): void {
  addUserCommands(program);
  const owner = program.command("owner").description("The owner of a `protect` installation.");
  inAWorld(owner.command("code"))
    .description("Makes a new sign-in code for the owner; the one before stops working.")
    .action((options: WorldOptions) =>
      inWorld(options, async (world) => {
        if (!world.installation.hasOwner)
          throw new CliError("a `serve` installation has no owner; its people come from `sallyport user add`");
        sayCode(await world.users.createOwnerCode(), world);
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
    .option("--user <user>", "what this person granted; alone, the kept tokens of their sign-in too")
    .option("--client <client_id>", "what was granted to this client")
    .option("--session <id>", "one session")
    .option("--issuer <url>", "tokens of this external authorization server instead, issued until now")
    .option("--subject <sub>", "with --issuer: of this subject")
    .option(
      "--issued-before <time>",
      "sessions that began, or external tokens issued, before this time (ISO 8601; without a zone: local time)",
    )
    .option("--all", "everything", false)
    .action((options: RevokeOptions) =>
      inWorld(options, async ({ installation, store, system }) => {
        const parts = {
          userStore: store.users,
          sessions: store.sessions,
          externalGrants: store.externalGrants,
          endSignIns: (which: { readonly sub?: string; readonly createdBefore?: number }) =>
            store.connections.end(SIGN_IN, which, system.now()),
          servers: () => installation.servers.map(issuersOf),
          system,
        };
        const { sessions, sign_ins, external } = await cutOff(parts, askedBy(options)).catch(inFlags);
        for (const { issuer, known } of external) {
          say(`Refused from now on: tokens of ${issuer} until now (${known} known here).`);
        }
        if (options.issuer !== undefined) return;
        say(endedText(sessions, options));
        if (sign_ins > 0) say(`Ended the tokens kept of ${sign_ins} sign-in${sign_ins === 1 ? "" : "s"}.`);
        if (sessions + sign_ins === 0) done(EXIT.refused);
      }),
    );
}

/** With the time as it was understood: one without a zone is local. */
function endedText(sessions: number, { issuedBefore }: RevokeOptions): string {
  const before = issuedBefore === undefined ? "" : ` that began before ${formatTime(timeOf(issuedBefore))}`;
  if (sessions > 0) return `Ended ${sessions} session${sessions === 1 ? "" : "s"}${before}.`;
  return `No live session${before} matched; what was granted without one has ended all the same. \`sallyport session list\` names those that live.`;
}

function issuersOf({ config }: InstalledServer): { readonly issuers: readonly string[] } {
  return { issuers: (config.authorizationServers ?? []).map(({ issuer }) => issuer) };
}

function askedBy({ user, client, session, issuedBefore, issuer, subject, all }: RevokeOptions): CutOff {
  return {
    user,
    client_id: client,
    session_id: session,
    issued_before: issuedBefore === undefined ? undefined : timeOf(issuedBefore),
    issuer,
    subject,
    all,
  };
}

/** The names of the API are flags here. */
function inFlags(error: unknown): never {
  if (!(error instanceof AdminRefusal)) throw error;
  const message = error.message
    .replace("subject goes with issuer", "--subject goes with --issuer")
    .replace("issuer goes with subject and client_id only", "--issuer goes with --subject and --client only")
    .replace(/^issuer "/, '--issuer "')
    .replace("everything is `all`", "--user, --client, --session, --issued-before or --all");
  throw new CliError(message, message.startsWith("there is no user") ? EXIT.refused : EXIT.usage);
}

function timeOf(text: string): number {
  const milliseconds = /^\d{4}-\d{2}-\d{2}(T.*)?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(milliseconds))
    throw new CliError(`--issued-before ${JSON.stringify(text)}: write a time such as 2026-11-23T12:00:00Z`);
  return Math.floor(milliseconds / 1000);
}
