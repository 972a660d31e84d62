import { spawnSync } from "node:child_process";
import type { System } from "@sallyport/auth";
import { loadMasterKey, MASTER_KEY_BYTES, parseMasterKeys } from "../sealing/master-key.js";
import type { Installation } from "./installation.js";

/** A key management service answers in a second, or asks somebody for a password. Milliseconds. */
const COMMAND_LIMIT_MS = 60_000;

/** The master keys from where the installation has them. @throws Error that names the place, never a key. */
export function readMasterKey(
  { masterKey, baseFolder }: Pick<Installation, "masterKey" | "baseFolder">,
  system: Pick<System, "randomBytes">,
): readonly Uint8Array[] {
  if ("file" in masterKey) return loadMasterKey({ file: masterKey.file, system });
  if ("env" in masterKey) return keysIn(process.env[masterKey.env], placeOfMasterKey({ masterKey }));
  return keysIn(outputOf(masterKey.command, baseFolder), placeOfMasterKey({ masterKey }));
}

/** Where the master key comes from, for messages. */
export function placeOfMasterKey({ masterKey }: Pick<Installation, "masterKey">): string {
  if ("file" in masterKey) return `the file ${masterKey.file}`;
  if ("env" in masterKey) return `the environment variable ${masterKey.env}`;
  return `the command ${masterKey.command[0]} of masterKey`;
}

function keysIn(value: string | undefined, place: string): readonly Uint8Array[] {
  if (value === undefined || value.trim() === "") {
    throw new Error(`${place} is empty; it must hold base64 of ${MASTER_KEY_BYTES} random bytes`);
  }
  return parseMasterKeys(value, place);
}

/** Without a shell, in our environment: it is the operator's own, and signs in to their service. Its standard error is shown as it comes. */
function outputOf(command: readonly [string, ...string[]], cwd: string): string {
  const [file, ...words] = command;
  const { error, status, signal, stdout } = spawnSync(file, words, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    timeout: COMMAND_LIMIT_MS,
    killSignal: "SIGKILL",
    windowsHide: true,
  });
  if (error !== undefined)
    throw new Error(`the command ${file} of masterKey: ${(error as NodeJS.ErrnoException).code}`);
  if (status !== 0) throw new Error(`the command ${file} of masterKey ended with ${signal ?? `exit code ${status}`}`);
  return stdout;
}
