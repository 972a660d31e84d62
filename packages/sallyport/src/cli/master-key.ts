import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import type { System } from "@sallyport/auth";
import { KEY_REMEDY, loadMasterKey, parseMasterKeys } from "../sealing/master-key.js";
import type { Installation } from "./installation.js";

/** A key management service answers in a second, or asks somebody for a password. Milliseconds. */
const COMMAND_LIMIT_MS = 60_000;

/** Why the system did not run it, in words. */
const NOT_RUN: Readonly<Record<string, string>> = {
  ENOENT: "there is no such program: give its path, or look at PATH",
  EACCES: "this user may not run it",
  ETIMEDOUT: `it did not end within ${COMMAND_LIMIT_MS / 1000} s`,
  ENOBUFS: "it printed far more than a key",
};

/** The master keys from where the installation has them. @throws Error that names the place, never a key. */
export function readMasterKey(
  { masterKey, baseFolder }: Pick<Installation, "masterKey" | "baseFolder">,
  system: Pick<System, "randomBytes">,
): readonly Uint8Array[] {
  if ("file" in masterKey) return loadMasterKey({ file: masterKey.file, system });
  const place = placeOfMasterKey({ masterKey });
  if ("env" in masterKey) {
    const value = process.env[masterKey.env] ?? "";
    if (value.trim() === "") throw new Error(`${place} is not set or empty: ${KEY_REMEDY}`);
    return parseMasterKeys(value, place);
  }
  const output = outputOf(masterKey.command, { cwd: baseFolder, place });
  if (output.trim() === "") throw new Error(`${place} printed nothing: ${KEY_REMEDY}`);
  return parseMasterKeys(output, place);
}

/** Where the master key comes from, for messages. */
export function placeOfMasterKey({ masterKey }: Pick<Installation, "masterKey">): string {
  if ("file" in masterKey) return `the file ${masterKey.file}`;
  if ("env" in masterKey) return `the environment variable ${masterKey.env}`;
  return `the command ${masterKey.command[0]} of masterKey`;
}

/** Reading a key file that is not there makes one, which opens nothing that was sealed before. */
export function isKeyFileMissing({ masterKey }: Pick<Installation, "masterKey">): boolean {
  if (!("file" in masterKey)) return false;
  try {
    statSync(masterKey.file);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}

/** @param what it opens. */
export function missingKeyText(installation: Pick<Installation, "masterKey">, what = "this database"): string {
  return `the master key is missing: bring the one of ${what} to ${placeOfMasterKey(installation)}`;
}

/** Without a shell, in our environment: it is the operator's own, and signs in to their service. Its standard error is shown as it comes. */
function outputOf(
  command: readonly [string, ...string[]],
  { cwd, place }: { readonly cwd: string; readonly place: string },
): string {
  const [file, ...words] = command;
  const { error, status, signal, stdout } = spawnSync(file, words, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    timeout: COMMAND_LIMIT_MS,
    killSignal: "SIGKILL",
    windowsHide: true,
  });
  if (error !== undefined) {
    const { code = error.message } = error as NodeJS.ErrnoException;
    throw new Error(`${place} gave no key: ${NOT_RUN[code] ?? code}`);
  }
  if (status !== 0) {
    const end = signal ?? `exit code ${status}`;
    throw new Error(`${place} gave no key: it ended with ${end}; run it in ${cwd} yourself to see why`);
  }
  return stdout;
}
