import { base64url, type System } from "@sallyport/auth";
import { makeSecretFile, readSecretFile } from "./secret-file.js";

/** Bytes of a master key: AES-256 and HKDF-SHA256 both want 32. */
export const MASTER_KEY_BYTES = 32;

/** What to do where the text of a key is missing or is none. */
export const KEY_REMEDY =
  "bring back the key as it was; only a new database may have a new one, as openssl rand -base64 32 makes it";

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
  const text = readSecretFile(file, NAMED) ?? createKeyFile(file, source.system);
  return parseMasterKeys(text, `the master key file ${JSON.stringify(file)}`);
}

/** Keys in the form of {@link loadMasterKey}; `where` names their place in messages. */
export function parseMasterKeys(text: string, where: string): readonly [Uint8Array, ...Uint8Array[]] {
  const keys = text.split(/[\s,]+/).filter((part) => part !== "");
  const [first, ...others] = keys.map((part, index) => {
    const bytes = /^[A-Za-z0-9+/_-]+={0,2}$/.test(part) ? Buffer.from(part, "base64") : Buffer.alloc(0);
    if (bytes.length === MASTER_KEY_BYTES) return new Uint8Array(bytes);
    throw new Error(`${where}: key ${index + 1} is not base64 of exactly ${MASTER_KEY_BYTES} bytes: ${KEY_REMEDY}`);
  });
  if (first === undefined) throw new Error(`${where} is empty: ${KEY_REMEDY}`);
  return [first, ...others];
}

const NAMED = "the master key file";

function createKeyFile(file: string, from: Pick<System, "randomBytes">): string {
  makeSecretFile(file, NAMED, { text: `${base64url(from.randomBytes(MASTER_KEY_BYTES))}\n`, from });
  const text = readSecretFile(file, NAMED);
  if (text === undefined)
    throw new Error(`${NAMED} ${JSON.stringify(file)} is a link that leads nowhere: bring back what it leads to`);
  return text;
}
