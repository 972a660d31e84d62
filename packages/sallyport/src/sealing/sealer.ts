import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";
import { base64url, type System } from "@sallyport/auth";
import { MASTER_KEY_BYTES } from "./master-key.js";

/**
 * Seals secrets for storage: AES-256-GCM, each value under its own random key, which is itself sealed under a key derived from the
 * master key (an envelope). So no key ever seals two values, and changing the master key rewrites the small envelope only.
 *
 * The associated data says where the value belongs (table and row id): a sealed value that was moved to another row does not open.
 */
export interface Sealer {
  /** `key id . envelope . body`, base64url parts: ASCII, about 1.35 × the plaintext and 110 characters more. */
  seal(plaintext: Uint8Array, associatedData: string): string;
  /** `undefined` for anything that was not sealed under one of the master keys with the same associated data. */
  open(sealed: string, associatedData: string): Uint8Array | undefined;
  /** The same value in an envelope of the first master key; `undefined` when the envelope does not open. Does not look at the body. */
  rewrap(sealed: string): string | undefined;
  /** 32 bytes for one purpose, from the first master key; the same label gives the same bytes until that key changes. */
  derive(label: string): Uint8Array;
  /** The same from every master key, the first one first. */
  deriveAll(label: string): readonly Uint8Array[];
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** A key that seals exactly once may use a constant nonce (NIST SP 800-38D §8.2: unique per key). */
const ONLY_NONCE = new Uint8Array(NONCE_BYTES);
const ENVELOPE = "envelope";

/**
 * @param masterKeys one key, or several of which the first seals and all open. 32 bytes each.
 * @throws TypeError for none, or one of another size.
 */
export function createSealer(
  masterKeys: Uint8Array | readonly Uint8Array[],
  from: Pick<System, "randomBytes">,
): Sealer {
  const masters = masterKeys instanceof Uint8Array ? [masterKeys] : [...masterKeys];
  if (masters.some((key) => key.length !== MASTER_KEY_BYTES)) throw new TypeError("a master key has 32 bytes");
  const keys = masters.map((master) => ({
    id: base64url(subKey(master, "key-id").subarray(0, 6)),
    key: subKey(master, "seal"),
  }));
  const [first] = keys;
  const [firstMaster] = masters;
  if (first === undefined || firstMaster === undefined) throw new TypeError("a sealer needs a master key");

  const wrap = (dataKey: Uint8Array) => {
    const nonce = from.randomBytes(NONCE_BYTES);
    return base64url(Buffer.concat([nonce, encrypt({ key: first.key, nonce, associatedData: ENVELOPE }, dataKey)]));
  };
  const unwrap = (id: string | undefined, envelope: string | undefined) => {
    const key = keys.find((candidate) => candidate.id === id)?.key;
    if (key === undefined || envelope === undefined) return undefined;
    const bytes = Buffer.from(envelope, "base64url");
    return decrypt(
      { key, nonce: bytes.subarray(0, NONCE_BYTES), associatedData: ENVELOPE },
      bytes.subarray(NONCE_BYTES),
    );
  };

  return {
    seal(plaintext, associatedData) {
      const key = from.randomBytes(MASTER_KEY_BYTES);
      const body = encrypt({ key, nonce: ONLY_NONCE, associatedData }, plaintext);
      return `${first.id}.${wrap(key)}.${base64url(body)}`;
    },
    open(sealed, associatedData) {
      const [id, envelope, body, ...more] = sealed.split(".");
      const key = unwrap(id, envelope);
      if (key === undefined || body === undefined || more.length > 0) return undefined;
      return decrypt({ key, nonce: ONLY_NONCE, associatedData }, Buffer.from(body, "base64url"));
    },
    rewrap(sealed) {
      const [id, envelope, body] = sealed.split(".");
      const key = unwrap(id, envelope);
      return key === undefined || body === undefined ? undefined : `${first.id}.${wrap(key)}.${body}`;
    },
    derive: (label) => subKey(firstMaster, `derive/${label}`),
    deriveAll: (label) => masters.map((master) => subKey(master, `derive/${label}`)),
  };
}

/** One way to use AES-256-GCM: what must be the same on both sides. */
interface Lock {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly associatedData: string;
}

/** Ciphertext and tag, joined. */
export function encrypt({ key, nonce, associatedData }: Lock, plaintext: Uint8Array): Uint8Array {
  const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(associatedData, "utf8"));
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** `undefined` for anything that {@link encrypt} did not make with the same key, nonce and associated data. */
export function decrypt({ key, nonce, associatedData }: Lock, sealed: Uint8Array): Uint8Array | undefined {
  if (sealed.length < TAG_BYTES || nonce.length !== NONCE_BYTES) return undefined;
  const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(associatedData, "utf8"));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]);
  } catch {
    return undefined;
  }
}

/** HKDF-SHA256 (RFC 5869): the master key itself never meets a cipher, and keys of different purposes do not tell of each other. */
function subKey(master: Uint8Array, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", master, new Uint8Array(), `sallyport/v1/${purpose}`, MASTER_KEY_BYTES));
}
