import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  type JsonWebKey,
  KeyObject,
} from "node:crypto";
import { type CryptoKey, importJWK, type JWK } from "jose";
import { type Cryptography, SEALING_IV_BYTES, type Sealing, webCryptography } from "../oauth/cryptography.js";
import type { SigningAlgorithm } from "../oauth/key-set.js";
import { sha256Node, signNode, verifySignatureNode } from "./node-crypto.js";

const CIPHER = "aes-256-gcm";
const TAG_BYTES = 16;

/**
 * The {@link Cryptography} port on `node:crypto`: answers at once. What one of the two ports sealed or signed the other one reads. A private key
 * that is not extractable is signed with by WebCrypto, later and slower, unless it came from {@link importSigningKey}: `node:crypto` is not to
 * take it (DEP0204).
 */
export const nodeCryptography: Cryptography = {
  sha256: sha256Node,
  verifySignature: verifySignatureNode,
  sign: (signing, header, payload) => {
    const key = keyObject(signing.privateKey);
    if (key === undefined) return webCryptography.sign(signing, header, payload);
    const input = `${header}.${Buffer.from(payload).toString("base64url")}`;
    return `${input}.${signNode(signing.alg, key, Buffer.from(input, "latin1")).toString("base64url")}`;
  },
  seal: (sealing, text) => {
    const cipher = createCipheriv(CIPHER, deriveKey(sealing), sealing.iv);
    return Buffer.concat([sealing.iv, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
  },
  open: (sealing, sealed) => {
    const end = sealed.length - TAG_BYTES;
    const options = { authTagLength: TAG_BYTES };
    const decipher = createDecipheriv(CIPHER, deriveKey(sealing), sealed.subarray(0, SEALING_IV_BYTES), options);
    decipher.setAuthTag(sealed.subarray(end));
    const opened = decipher.update(sealed.subarray(SEALING_IV_BYTES, end), undefined, "utf8");
    return opened + decipher.final("utf8");
  },
};

function deriveKey({ secret, info }: Omit<Sealing, "iv">): Uint8Array {
  return createHmac("sha256", secret).update(`${info}\u0001`).digest();
}

/**
 * A private key (RFC 7517) that WebCrypto does not let out again, and with which {@link nodeCryptography} signs at once all the same.
 * @throws TypeError, as a rejection, for what is no private key for `alg`
 */
export async function importSigningKey(jwk: JWK, alg: SigningAlgorithm): Promise<CryptoKey> {
  const key = await importJWK(jwk, alg, { extractable: false });
  if (key instanceof Uint8Array || key.type !== "private") throw new TypeError("A signing key is a private one.");
  keyObjects.set(key, createPrivateKey({ key: jwk as JsonWebKey, format: "jwk" }));
  return key;
}

const keyObjects = new WeakMap<CryptoKey, KeyObject>();

function keyObject(key: CryptoKey): KeyObject | undefined {
  const known = keyObjects.get(key);
  if (known !== undefined || !key.extractable) return known;
  const made = KeyObject.from(key as Parameters<typeof KeyObject.from>[0]);
  keyObjects.set(key, made);
  return made;
}
