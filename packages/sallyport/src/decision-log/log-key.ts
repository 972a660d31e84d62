import { generateKeyPairSync } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { calculateJwkThumbprint, type JWK } from "jose";
import { ForeignMasterKeyError } from "../sealing/foreign-key.js";
import { createLogSigner, type LogSigner } from "./signatures.js";

/** Seals the private half; `place` binds it to where it lies. */
export interface KeySealer {
  seal(plaintext: Uint8Array, place: string): string;
  open(sealed: string, place: string): Uint8Array | undefined;
}

const LOG_KEY_FILE = "log-key.json";

interface KeyFile {
  readonly kid: string;
  readonly publicKey: JWK;
  readonly sealedPrivateKey: string;
}

/**
 * The key that signs checkpoints: beside the log, its private half sealed under the master key. It is made when it is first wanted.
 * @throws ForeignMasterKeyError when the file was sealed under another master key.
 */
export async function openLogKey(folder: string, sealer: KeySealer): Promise<LogSigner> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { kid, sealedPrivateKey } = readKeyFile(folder) ?? (await makeKeyFile(folder, sealer));
  const secret = sealer.open(sealedPrivateKey, place(kid));
  if (secret === undefined) throw new ForeignMasterKeyError(`its key ${LOG_KEY_FILE}`);
  return createLogSigner(kid, JSON.parse(Buffer.from(secret).toString("utf8")));
}

/** The public half, with its `kid`; `undefined` where there is no log yet. */
export function readPublicLogKey(folder: string): JWK | undefined {
  const file = readKeyFile(folder);
  return file === undefined ? undefined : { ...file.publicKey, kid: file.kid, alg: "ES256", use: "sig" };
}

function readKeyFile(folder: string): KeyFile | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, LOG_KEY_FILE), "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function makeKeyFile(folder: string, sealer: KeySealer): Promise<KeyFile> {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const publicKey = pair.publicKey.export({ format: "jwk" }) as JWK;
  const kid = await calculateJwkThumbprint(publicKey);
  const secret = Buffer.from(JSON.stringify(pair.privateKey.export({ format: "jwk" })));
  const made: KeyFile = { kid, publicKey, sealedPrivateKey: sealer.seal(secret, place(kid)) };
  // Written whole under another name and then linked: nobody reads half a key, and of two processes at once one wins.
  const draft = join(folder, `${LOG_KEY_FILE}.${kid}`);
  try {
    writeFileSync(draft, `${JSON.stringify(made)}\n`, { mode: 0o600, flag: "wx", flush: true });
    linkSync(draft, join(folder, LOG_KEY_FILE));
    return made;
  } catch (error) {
    // Another process was faster: its key is the key.
    const other = (error as NodeJS.ErrnoException).code === "EEXIST" ? readKeyFile(folder) : undefined;
    if (other === undefined) throw error;
    return other;
  } finally {
    rmSync(draft, { force: true });
  }
}

function place(kid: string): string {
  return `decision-log/${kid}`;
}
