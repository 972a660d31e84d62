import {
  closeSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { base64url, type System } from "@sallyport/auth";

/** The system did not read or make the file that the message names; the cause says why. */
export class SecretFileError extends Error {
  override readonly name = "SecretFileError";
}

/**
 * The text of a file that only its owner may read; `undefined` when there is none. `named` is what messages call it.
 * @throws Error when it is open to other users, or not a regular file; SecretFileError. Not checked: who owns the folders above, and permissions on Windows.
 */
export function readSecretFile(file: string, named: string): string | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(file, "r");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw new SecretFileError(`${named} ${JSON.stringify(file)} cannot be read`, { cause: error });
  }
  try {
    const { mode } = fstatSync(descriptor);
    const name = JSON.stringify(file);
    if ((mode & 0o170000) !== 0o100000)
      throw new Error(`${named} ${name} is not a regular file: put the file itself there`);
    if (process.platform !== "win32" && (mode & 0o077) !== 0) {
      const octal = (mode & 0o777).toString(8).padStart(4, "0");
      throw new Error(`${named} ${name} has mode ${octal}: other users may read it; run chmod 600 on it`);
    }
    return readFileSync(descriptor, "utf8");
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Makes the file with mode 0600 (its folder with 0700) unless there is one. Written whole under another name and then linked: `link` fails
 * when the name exists, so of two processes at once one wins, and nobody reads half a secret. `named` is what messages call it.
 * @throws SecretFileError
 */
export function makeSecretFile(
  file: string,
  named: string,
  { text, from }: { readonly text: string; readonly from: Pick<System, "randomBytes"> },
): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    makeFile(file, text, from);
  } catch (error) {
    throw new SecretFileError(`${named} ${JSON.stringify(file)} cannot be made`, { cause: error });
  }
}

function makeFile(file: string, text: string, from: Pick<System, "randomBytes">): void {
  const draft = `${file}.${base64url(from.randomBytes(6))}`;
  const descriptor = openSync(draft, "wx", 0o600);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
    linkSync(draft, file);
    syncFolder(dirname(file));
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  } finally {
    closeSync(descriptor);
    rmSync(draft, { force: true });
  }
}

/** A key that seals rows must survive a power cut before the first row does. Windows cannot open folders. */
function syncFolder(folder: string): void {
  if (process.platform === "win32") return;
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
