import { createCipheriv, createDecipheriv, createHmac, KeyObject } from "node:crypto";
import type { CryptoKey } from "jose";
import { type Cryptography, SEALING_IV_BYTES, type Sealing } from "../oauth/cryptography.js";
import { sha256Node, signNode, verifySignatureNode } from "./node-crypto.js";

const CIPHER = "aes-256-gcm";
const TAG_BYTES = 16;

/** The {@link Cryptography} port on `node:crypto`: answers at once. What one of the two ports sealed or signed the other one reads. */
export const nodeCryptography: Cryptography = {
  sha256: sha256Node,
  verifySignature: verifySignatureNode,
  sign: ({ alg, privateKey }, header, payload) => {
    const input = `${header}.${Buffer.from(payload).toString("base64url")}`;
    return `${input}.${signNode(alg, keyObject(privateKey), Buffer.from(input)).toString("base64url")}`;
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

const keyObjects = new WeakMap<CryptoKey, KeyObject>();

function keyObject(key: CryptoKey): KeyObject {
  const known = keyObjects.get(key);
  if (known !== undefined) return known;
  const made = KeyObject.from(key as Parameters<typeof KeyObject.from>[0]);
  keyObjects.set(key, made);
  return made;
}
