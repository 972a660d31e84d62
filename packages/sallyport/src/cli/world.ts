import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { System } from "@sallyport/auth";
import type { Command } from "commander";
import { configType } from "../config/schema.js";
import { createUsers, type Users } from "../sign-in/index.js";
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

/** Flags by which an operator's command finds the installation that it works on. */
export interface WorldOptions {
  readonly name: string;
  readonly dataDir?: string;
  readonly config?: string;
}

export interface World {
  readonly installation: Installation;
  readonly store: Store;
  readonly users: Users;
  readonly system: System;
  readonly now: number;
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Opens the installation that the flags name, runs `work` on it and closes it again. A running gateway sees the change within 2 s. */
export async function inWorld(options: WorldOptions, work: (world: World) => Promise<void>): Promise<void> {
  const system = createProgramSystem("warn", process.stderr.isTTY === true);
  const installation = findInstallation(options);
  const store = await openInstalledStore(installation, system);
  try {
    await work({ installation, store, users: createUsers(store, system), system, now: system.now() });
  } catch (error) {
    // The user functions answer with a sentence for the operator; anything else is a defect and keeps its stack.
    throw error instanceof TypeError ? new CliError(error.message, EXIT.refused) : error;
  } finally {
    await store.close();
  }
}

/** @throws CliError when there is none. */
export function findInstallation(
  options: WorldOptions,
  { accessOptional = false }: { readonly accessOptional?: boolean } = {},
): Installation {
  return options.config === undefined ? protectedWorld(options) : loadInstallation(options.config, { accessOptional });
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

export function inAWorld(command: Command): Command {
  return command
    .option("--name <name>", "the `protect` installation", DEFAULT_NAME)
    .option("--data-dir <folder>", "where installations are kept")
    .option("--config <file>", "the file of a `serve` installation, instead of --name");
}
