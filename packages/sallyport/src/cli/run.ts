import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { System } from "@sallyport/auth";
import { unseenTextOf } from "../policy/tool-changes.js";
import { createUsers, loadPasskeys, loadPasswords } from "../sign-in/index.js";
import type { Store } from "../stores/store.js";
import { compose, type Program } from "./compose.js";
import { durationText } from "./duration-text.js";
import { CliError, EXIT } from "./exit.js";
import type { Installation } from "./installation.js";
import { keepServer } from "./kept-server.js";
import { openInstalledStore } from "./open-store.js";
import { createProgramSystem } from "./program-system.js";
import { formatStartJson, formatStartScreen, type StartReport } from "./start-screen.js";
import { stopSignal } from "./stop-signal.js";

export interface RunOptions {
  readonly json: boolean;
  /** The name protects another server from now on. */
  readonly replace: boolean;
  /** Called when everything is up; follows changes of the configuration until what it returns is called. */
  readonly watch?: (running: Running) => () => void;
}

export interface Running {
  readonly program: Program;
  readonly installation: Installation;
  readonly system: System;
}

/** How often what expired is deleted, and in how many steps at most. */
const SWEEP_MS = 60_000;
const MAX_SWEEPS = 100;
/** When nobody waits for an answer of the start any more. */
const LATE_MS = 2_000;

/** Runs an installation until SIGINT or SIGTERM. Answers the exit code. @throws CliError when it cannot start. */
export async function run(asked: Installation, options: RunOptions): Promise<number> {
  const forPerson = !options.json && process.stderr.isTTY === true;
  const system = createProgramSystem(
    forPerson && asked.config.log.level === "info" ? "warn" : asked.config.log.level,
    forPerson,
  );
  const started = system.monotonicMs();
  const installation = await withPort(asked);
  const store = await openInstalledStore(installation, system);
  const sweep = setInterval(() => {
    void sweepStore(store, system);
    void rotateKeys(installation, store, system);
  }, SWEEP_MS);
  try {
    await claimName(installation, { store, system, replace: options.replace });
    if (installation.hasOwner) keepServer(installation, store.sealer);
    const program = await compose(installation, store, system);
    const stop = stopSignal();
    let unwatch: (() => void) | undefined;
    let late: ReturnType<typeof setTimeout> | undefined;
    try {
      await listen(program, installation);
      const admin = await listenAdmin(program, installation);
      const metricsUrl = await program.telemetry.listen();
      const report = await reportOf(program, installation, {
        store,
        system,
        started,
        metricsUrl,
        admin,
        terminal: !options.json && process.stdout.isTTY === true,
      });
      process.stdout.write(`${options.json ? formatStartJson(report) : formatStartScreen(report)}\n`);
      unwatch = options.watch?.({ program, installation: asked, system });
      late = setTimeout(() => void loadLateParts(system), LATE_MS).unref();
      await stop;
    } finally {
      unwatch?.();
      clearTimeout(late);
      await program.close();
    }
  } finally {
    clearInterval(sweep);
    await store.close();
  }
  return EXIT.ok;
}

/** Parts that a start does not wait for, before an upgrade of the files under a running program can take them away. */
async function loadLateParts(system: System): Promise<void> {
  try {
    await Promise.all([loadPasswords(), loadPasskeys()]);
  } catch (error) {
    system.log("warn", "parts of the program cannot be loaded; start it again", { error: String(error) });
  }
}

/** A flood of what has expired goes in several steps, so that it grows no faster than it is deleted. */
async function sweepStore(store: Store, system: System): Promise<void> {
  try {
    for (let step = 0; step < MAX_SWEEPS && (await store.sweep(system.now())) > 0; step++);
  } catch (error) {
    system.log("warn", "expired records were not deleted", { error: String(error) });
  }
}

async function rotateKeys({ config }: Installation, store: Store, system: System): Promise<void> {
  try {
    const key = await store.keys.rotateIfOlder(config.keys.rotateAfter);
    if (key !== undefined) system.log("info", "signing key rotated", { kid: key.kid, alg: key.alg });
  } catch (error) {
    system.log("warn", "signing key not rotated", { error: String(error) });
  }
}

/** Port 0 must be known before anything is published: issuer and resource are made from it. */
async function withPort(installation: Installation): Promise<Installation> {
  const { config } = installation;
  if (config.listen.port !== 0) return installation;
  const port = await new Promise<number>((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
  return { ...installation, config: { ...config, listen: { ...config.listen, port } } };
}

/** Names are separate worlds: people consented to what stood behind this name then. */
async function claimName(
  { name, fingerprint }: Installation,
  { store, system, replace }: { readonly store: Store; readonly system: System; readonly replace: boolean },
): Promise<void> {
  if (fingerprint === undefined) return;
  const known = await store.installations.find(name);
  if (known === undefined || known.fingerprint === fingerprint) return store.installations.save(name, fingerprint);
  if (!replace) {
    // Not by itself even where nothing is lost: the other command may be running, and people may be about to consent to what it does.
    const cost = (await store.installations.isUsed())
      ? ", which ends everything granted under it."
      : ": nothing was granted under it so far, so nothing is lost.";
    throw new CliError(
      `${JSON.stringify(name)} protects another server so far. Give this one a name of its own with --name, ` +
        `or --replace what stands behind it${cost}`,
    );
  }
  await store.installations.replace(name, fingerprint, system.now());
}

async function listen({ gateway }: Program, { config, hasOwner }: Installation): Promise<void> {
  try {
    await gateway.listen();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "EADDRINUSE")
      throw new CliError(
        `port ${config.listen.port} is taken; choose another ${hasOwner ? "with --port" : "for listen.port"}`,
      );
    if (code === "EACCES")
      throw new CliError(`port ${config.listen.port} may not be used by this user; choose one above 1023`);
    throw error;
  }
}

async function listenAdmin({ admin }: Program, { config }: Installation): Promise<StartReport["admin"]> {
  try {
    return await admin?.listen();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    throw new CliError(`port ${config.admin.port} is taken; choose another for admin.port`);
  }
}

interface ReportParts {
  readonly store: Store;
  readonly system: System;
  readonly started: number;
  readonly admin: StartReport["admin"];
  readonly metricsUrl: string | undefined;
  /** A person reads standard output: the only place where the owner's code may be shown. */
  readonly terminal: boolean;
}

async function reportOf(program: Program, installation: Installation, parts: ReportParts): Promise<StartReport> {
  const owner = await ownerOf(installation, parts);
  const servers = await Promise.all(
    program.servers.map(async (server) => {
      const failed = await server.learn();
      const tools = server.catalogue.entries().map(({ tool, scope, changed, quarantined, definition }) => ({
        ...{ tool, scope, changed, quarantined },
        unseen: definition !== undefined && unseenTextOf(definition).length > 0,
      }));
      return {
        title: server.installed.title,
        mcpUrl: server.resource,
        tools: failed === undefined ? tools : undefined,
        problem: failed?.problem,
        lastLines: failed?.lastLines,
      };
    }),
  );
  return {
    publicUrl: program.issuer,
    ...(parts.metricsUrl !== undefined && { metricsUrl: parts.metricsUrl }),
    port: installation.config.listen.port,
    servers,
    owner,
    admin: parts.admin,
    operatorFlags: installation.operatorFlags,
    warnings: [...installation.dangers, ...installation.notices],
    startedInMs: Math.round(parts.system.monotonicMs() - parts.started),
  };
}

/** The owner's code: on a terminal, else in a file that only this user can read; in no log and no JSON. */
async function ownerOf(
  installation: Installation,
  { store, system, terminal }: ReportParts,
): Promise<StartReport["owner"]> {
  if (!installation.hasOwner) return undefined;
  const users = createUsers(store, system);
  const owner = (await users.listUsers()).find((user) => user.owner);
  const file = join(installation.dataFolder, "owner-code");
  if (owner !== undefined && (owner.password || owner.passkeys > 0)) {
    rmSync(file, { force: true });
    return { code: undefined, file: undefined, within: undefined, ready: true };
  }
  const now = system.now();
  const { code, expires } = await users.createOwnerCode();
  const within = durationText(expires - now);
  if (terminal) return { code, file: undefined, within, ready: false };
  writeFileSync(file, `${code}\n`, { mode: 0o600 });
  chmodSync(file, 0o600);
  return { code: undefined, file, within, ready: false };
}
