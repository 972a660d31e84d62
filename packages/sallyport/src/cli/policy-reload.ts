import { unwatchFile, watchFile } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { ConfigError } from "../config/problem.js";
import type { Config, ServerConfig } from "../config/schema.js";
import { CliError } from "./exit.js";
import { loadInstallation } from "./load-installation.js";
import type { Running } from "./run.js";

/** Settings of a server that are policy, and follow the file while it is served. */
const LIVE: readonly (keyof ServerConfig)[] = ["rules", "mode", "scopes", "access", "baseline"];

/** Looking at the file's date finds editors that replace it and mounted files that are links, which events do not. */
const LOOK_EVERY_MS = 500;

/** Follows the file: a changed policy is in force within a second, without a restart. SIGHUP looks at once. */
export function watchPolicy(file: string, running: Running): () => void {
  const look = () => reloadPolicy(file, running);
  watchFile(file, { interval: LOOK_EVERY_MS }, (now, before) => {
    if (now.mtimeMs !== before.mtimeMs || now.size !== before.size || now.ino !== before.ino) look();
  });
  process.on("SIGHUP", look);
  return () => {
    unwatchFile(file);
    process.off("SIGHUP", look);
  };
}

/** One look. A file that is broken changes nothing, and the log says so with its line and column; never throws for what a file holds. */
export function reloadPolicy(file: string, { program, installation, system }: Running): boolean {
  try {
    const changed = loadInstallation(file);
    const restart = restartNeeded(installation.config, changed.config);
    if (restart.length > 0) {
      system.log("warn", "the file changed settings that need a restart; only its policy is followed", {
        settings: restart,
      });
    }
    program.applyPolicies(changed);
    program.telemetry.reloaded("applied");
    system.log("info", "policy reloaded", { file });
    return true;
  } catch (error) {
    if (!(error instanceof ConfigError || error instanceof CliError || error instanceof TypeError)) throw error;
    program.telemetry.reloaded("broken");
    system.log("error", "THE CHANGED POLICY IS BROKEN AND IS NOT IN FORCE; the one before it stays", {
      file,
      problems: error.message.split("\n"),
    });
    return false;
  }
}

/** Dotted paths of what differs besides policy; a server that came or went is one of them. */
export function restartNeeded(before: Config, after: Config): readonly string[] {
  const top = changedNames(before, after, ["servers", "rules", "source"]);
  const names = [...new Set([...Object.keys(before.servers), ...Object.keys(after.servers)])];
  const ofServers = names.flatMap((name) => {
    const [was, is] = [before.servers[name], after.servers[name]];
    if (was === undefined || is === undefined) return [`servers.${name}`];
    return changedNames(was, is, LIVE).map((setting) => `servers.${name}.${setting}`);
  });
  return [...top, ...ofServers];
}

function changedNames<T extends object>(before: T, after: T, except: readonly (keyof T)[]): readonly string[] {
  const values = (config: T) => new Map(Object.entries(config));
  const [was, is] = [values(before), values(after)];
  const ignored = new Set<PropertyKey>(except);
  const names = [...new Set([...was.keys(), ...is.keys()])];
  return names.filter((name) => !ignored.has(name) && !isDeepStrictEqual(was.get(name), is.get(name)));
}
