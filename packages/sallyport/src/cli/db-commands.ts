import { createReadStream, createWriteStream, existsSync, renameSync, rmSync } from "node:fs";
import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import type { Command } from "commander";
import { createSealer, type Sealer } from "../sealing/sealer.js";
import type { Backend } from "../stores/backend.js";
import { backup } from "../stores/backup.js";
import { splitLines } from "../stores/backup-file.js";
import { migrate } from "../stores/migrate.js";
import { openBackend } from "../stores/open-backend.js";
import { restore } from "../stores/restore.js";
import { readStatus, type StoreStatus } from "../stores/status.js";
import { CliError, EXIT } from "./exit.js";
import { explainFailure } from "./failure-text.js";
import { databaseFileOf, type Installation } from "./installation.js";
import { isKeyFileMissing, missingKeyText, placeOfMasterKey, readMasterKey } from "./master-key.js";
import { createProgramSystem } from "./program-system.js";
import { formatTable, formatTime } from "./table.js";
import { findInstallation, inAWorld, say, type WorldOptions } from "./world.js";

const HELP = `
A backup is one file for SQLite and PostgreSQL alike: what was saved from one can be restored into the other. It holds secrets as
hashes or sealed, and never the master key: keep that elsewhere. Codes, requests and browser sessions that live minutes are not in it.

Exit codes: 0 done, 1 (status) migrations are pending, 2 it could not be done; then nothing was changed.`;

/** An operator waits longer than a request does: for a large table to be changed or counted. */
const PATIENCE_MS = 600_000;

interface RestoreFlags extends WorldOptions {
  readonly replace: boolean;
  readonly keepGrants: boolean;
}

export function addDbCommands(program: Command, done: (exitCode: number) => void): void {
  const db = program.command("db").description("The database of an installation: its version, backups, restoring.");
  db.addHelpText("after", HELP);
  inAWorld(db.command("status"))
    .description("Says which version the tables have, what is pending, and how much lies in them. Changes nothing.")
    .option("--json", "as JSON", false)
    .action((options: WorldOptions & { json: boolean }) =>
      onDatabase(options, "existing", async ({ backend }) => {
        const status = await readStatus(backend);
        say(options.json ? JSON.stringify(status) : formatStatus(status));
        if (status.schema < status.wanted) done(EXIT.refused);
      }),
    );
  inAWorld(db.command("migrate"))
    .description("Brings the tables up to this program's version; `protect` and `serve` do the same when they start.")
    .action((options: WorldOptions) =>
      onDatabase(options, "existing", async ({ backend }) => {
        const before = await migrate(backend);
        const { schema } = await readStatus(backend);
        say(before === schema ? `Version ${schema}: nothing to do.` : `Version ${before} → ${schema}.`);
      }),
    );
  inAWorld(db.command("backup <file>"))
    .description("Writes everything that has to outlive a disk into a new file, while the program runs.")
    .action((file: string, options: WorldOptions) => onDatabase(options, "existing", (world) => save(world, file)));
  inAWorld(db.command("restore <file>"))
    .description("Puts a backup into an empty database, of either kind. Everybody has to consent again.")
    .option("--replace", "what lies in the database now goes", false)
    .option("--keep-grants", "grants and sessions come back, those that were ended since the backup included", false)
    .action((file: string, options: RestoreFlags) =>
      onDatabase(options, "any", (world) => putBack(world, file, options)),
    );
}

interface Database {
  readonly installation: Installation;
  readonly backend: Backend;
  now(): number;
}

async function onDatabase(
  options: WorldOptions,
  wanted: "existing" | "any",
  work: (database: Database) => Promise<void>,
): Promise<void> {
  const system = createProgramSystem("warn", process.stderr.isTTY === true);
  const installation = findInstallation(options);
  const file = databaseFileOf(installation);
  // Opening one that is not there would make it.
  if (wanted === "existing" && file !== undefined && !existsSync(file)) {
    throw new CliError(`there is no database at ${file} yet: the first start makes it`);
  }
  const backend = await openBackend({ url: installation.storage, system, busyTimeoutMs: PATIENCE_MS }).catch(fail);
  try {
    await work({ installation, backend, now: system.now }).catch(fail);
  } finally {
    await backend.close();
  }
}

function fail(error: unknown): never {
  throw error instanceof CliError ? error : new CliError(explainFailure(error));
}

async function save({ installation, backend, now }: Database, file: string): Promise<void> {
  if (existsSync(file)) throw new CliError(`${file} exists: a backup never overwrites anything`);
  const sealer = existingSealer(installation, "this database");
  const draft = `${file}.part`;
  const output = createWriteStream(draft, { mode: 0o600, flags: "wx", flush: true });
  const made = new Promise<boolean>((resolve) =>
    output.once("open", () => resolve(true)).once("error", () => resolve(false)),
  );
  try {
    const lines = new PassThrough();
    const written = pipeline(lines, createGzip(), output);
    const write = (text: string) =>
      new Promise<void>((resolve, reject) => {
        lines.write(text, (error) => (error ? reject(error) : resolve()));
      });
    const saved = backup(backend, { now: now(), sealer, write }).then(
      (result) => {
        lines.end();
        return result;
      },
      (error: unknown) => {
        lines.destroy();
        throw error;
      },
    );
    const [{ rows }] = await Promise.all([saved, written]);
    renameSync(draft, file);
    say(`Saved ${rows} rows to ${file}.`);
    say(`The master key is not in it. Keep it elsewhere: ${placeOfMasterKey(installation)}.`);
    say("The decision log is not in it either: it is a folder of its own.");
  } catch (error) {
    // Not one that another backup is writing.
    if (await made) rmSync(draft, { force: true });
    throw new CliError(`${file} was not written: ${explainFailure(error, installation)}`);
  }
}

async function putBack({ installation, backend, now }: Database, file: string, flags: RestoreFlags): Promise<void> {
  if (!existsSync(file)) throw new CliError(`${file} does not exist`);
  const sealer = existingSealer(installation, file);
  const result = await restore(backend, () => linesOf(file), {
    sealer,
    now: now(),
    replace: flags.replace,
    keepGrants: flags.keepGrants,
  }).catch((error: unknown) => {
    throw new CliError(`${file} was not restored: ${explainFailure(error, installation)}`);
  });
  say(`Restored ${result.rows} rows of ${formatTime(result.created)}.`);
  say(
    flags.keepGrants
      ? "Grants and sessions are those of the backup: what was ended since then is alive again. End it with `sallyport revoke`."
      : `Ended ${result.ended} session${result.ended === 1 ? "" : "s"} of the backup: everybody consents again.`,
  );
  say(
    "People, roles, permissions and connections are those of the backup too: look at `sallyport user list`. Restart every process.",
  );
}

/** Under the key that there is; one that is made now would open nothing of `what`. */
function existingSealer(installation: Installation, what: string): Sealer {
  if (isKeyFileMissing(installation)) throw new CliError(missingKeyText(installation, what));
  const system = createProgramSystem("warn", process.stderr.isTTY === true);
  return createSealer(readMasterKey(installation, system), system);
}

function linesOf(file: string): AsyncIterable<string> {
  const unzipped = createGunzip();
  const source = createReadStream(file);
  source.once("error", (error) => unzipped.destroy(error));
  return splitLines(source.pipe(unzipped));
}

function formatStatus({ kind, schema, wanted, bytes, rows }: StoreStatus): string {
  const pending = wanted - schema;
  const version =
    pending > 0
      ? `${pending} migration${pending === 1 ? "" : "s"} pending (sallyport db migrate)`
      : pending < 0
        ? "made by a newer version of sallyport"
        : "up to date";
  return [
    `${kind === "sqlite" ? "SQLite" : "PostgreSQL"}, ${(bytes / 1024 / 1024).toFixed(1)} MB, schema version ${schema}: ${version}`,
    formatTable(
      ["table", "rows"],
      Object.entries(rows).map(([table, count]) => [table, String(count)]),
    ),
  ].join("\n");
}
