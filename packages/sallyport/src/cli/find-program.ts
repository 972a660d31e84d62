import { accessSync, constants, statSync } from "node:fs";
import { delimiter, resolve } from "node:path";
import type { EnvSource } from "../config/egress-settings.js";

/** Where a program is looked for that says nothing about it (execvp). */
const DEFAULT_PATH = "/usr/bin:/bin";

/**
 * Whether there is a program to start under this name, looked for as the system does it: a name with a slash from `cwd` on, any other in
 * the folders of the child's PATH. On Windows, where endings are added to names, only the start itself knows: there it is always true.
 */
export function isProgram(
  name: string,
  where: { readonly cwd: string; readonly path: string | undefined; readonly platform: NodeJS.Platform },
): boolean {
  if (where.platform === "win32") return true;
  const folders = name.includes("/") ? [""] : (where.path ?? DEFAULT_PATH).split(delimiter);
  return folders.some((folder) => canStart(resolve(where.cwd, folder, name)));
}

function canStart(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** The PATH of a child: its own where one is configured, else ours. */
export function pathOf(
  configured: Readonly<Record<string, EnvSource>>,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const own = configured.PATH;
  if (typeof own === "string") return own;
  return own !== undefined && "env" in own ? environment[own.env] : environment.PATH;
}
