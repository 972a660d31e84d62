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

/** Bytes of a master key: AES-256 and HKDF-SHA256 both want 32. */
export const MASTER_KEY_BYTES = 32;

export interface MasterKeySource {
  /** Path of the key file; made with mode 0600 (its folder with 0700) when it does not exist. Ignored when `env` has a value. */
  readonly file: string;
  /** Value of the environment variable, for machines that keep their secrets elsewhere. `undefined` or empty: use the file. */
  readonly env?: string | undefined;
  readonly system: Pick<System, "randomBytes">;
}

/**
 * The master keys of this installation, at least one: the first seals, all open. The file and the variable have one form: base64 or
 * base64url of 32 bytes, several separated by white space or commas, so that rotating is putting a new key in front.
 *
 * @throws Error when the file is open to other users, is not a regular file, or a key has not exactly 32 bytes. The message never
 * holds any part of a key. Not checked: who owns the folders above, and permissions on Windows.
 */
export function loadMasterKey(source: MasterKeySource): readonly [Uint8Array, ...Uint8Array[]] {
  const { env, file } = source;
  if (env !== undefined && env.trim() !== "") return parseMasterKeys(env, "the master key variable");
  const text = readKeyFile(file) ?? createKeyFile(file, source.system);
  return parseMasterKeys(text, `the master key file ${JSON.stringify(file)}`);
}

function parseMasterKeys(text: string, where: string): readonly [Uint8Array, ...Uint8Array[]] {
  const keys = text.split(/[\s,]+/).filter((part) => part !== "");
  const [first, ...others] = keys.map((part, index) => {
    const bytes = /^[A-Za-z0-9+/_-]+={0,2}$/.test(part) ? Buffer.from(part, "base64") : Buffer.alloc(0);
    if (bytes.length === MASTER_KEY_BYTES) return new Uint8Array(bytes);
    throw new Error(`${where}: key ${index + 1} is not base64 of exactly ${MASTER_KEY_BYTES} bytes`);
  });
  if (first === undefined) throw new Error(`${where} is empty`);
  return [first, ...others];
}

function readKeyFile(file: string): string | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(file, "r");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
  try {
    const { mode } = fstatSync(descriptor);
    const name = JSON.stringify(file);
    if ((mode & 0o170000) !== 0o100000) throw new Error(`the master key file ${name} is not a regular file`);
    if (process.platform !== "win32" && (mode & 0o077) !== 0) {
      const octal = (mode & 0o777).toString(8).padStart(4, "0");
      throw new Error(`the master key file ${name} has mode ${octal}: other users may read it; run chmod 600 on it`);
    }
    return readFileSync(descriptor, "utf8");
  } finally {
    closeSync(descriptor);
  }
}

/** Written whole under another name and then linked: `link` fails when the name exists, so of two processes at once one wins, and nobody reads half a key. */
function createKeyFile(file: string, from: Pick<System, "randomBytes">): string {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${base64url(from.randomBytes(6))}`;
  const descriptor = openSync(draft, "wx", 0o600);
  try {
    writeSync(descriptor, `${base64url(from.randomBytes(MASTER_KEY_BYTES))}\n`);
    fsyncSync(descriptor);
    linkSync(draft, file);
    syncFolder(dirname(file));
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  } finally {
    closeSync(descriptor);
    rmSync(draft, { force: true });
  }
  const text = readKeyFile(file);
  if (text === undefined) throw new Error(`the master key file ${JSON.stringify(file)} is a link that leads nowhere`);
  return text;
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
