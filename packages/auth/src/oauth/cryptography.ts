import type { CryptoKey } from "jose";
import { base64url } from "../system.js";
import type { Awaitable } from "./awaitable.js";
import type { SigningAlgorithm, SigningKey, VerifySignature } from "./key-set.js";
import { type Sha256, sha256Web } from "./thumbprint.js";
import { verifySignatureWeb } from "./verify-signature.js";

/**
 * Port: a compact JWS (RFC 7515 §7.1) of the text `payload`, signed as RFC 7518 §3.3, §3.4 and RFC 8037 §3.1 have it. `header` is base64url
 * already: one key's is always the same. @throws, also as a rejection, when the key is not one for its `alg`
 */
export type Sign = (key: Pick<SigningKey, "alg" | "privateKey">, header: string, payload: string) => Awaitable<string>;

/**
 * Port: all that the authorization server computes. {@link webCryptography} is for every runtime; `@sallyport/auth/node` has one on
 * `node:crypto` that answers at once, where WebCrypto makes each of these a job for another thread. Both give and read the same bytes.
 */
export interface Cryptography {
  readonly sha256: Sha256;
  readonly verifySignature: VerifySignature;
  readonly sign: Sign;
  /**
   * AES-256-GCM of `text`: `iv`, ciphertext and tag in one. The key is HKDF-Expand of `secret` and `info` to SHA-256's length (RFC 5869 §2.3);
   * the secret is random through and through, so there is nothing to extract first (§3.3).
   */
  seal(sealing: Sealing, text: string): Awaitable<Uint8Array>;
  /** The inverse. @throws, also as a rejection, when it was sealed under another secret or touched. */
  open(sealing: Omit<Sealing, "iv">, sealed: Uint8Array): Awaitable<string>;
}

export interface Sealing {
  /** 256 random bits as text; all of the strength there is. */
  readonly secret: string;
  /** What it is for, so that one secret serves several uses. */
  readonly info: string;
  /** 12 fresh bytes. */
  readonly iv: Uint8Array;
}

export const SEALING_IV_BYTES = 12;

const encoder = new TextEncoder();

/** RFC 7518 §3.1 and RFC 8037 §2 names → WebCrypto's. */
const SIGNING: Readonly<Record<SigningAlgorithm, { readonly name: string; readonly hash?: string }>> = {
  ES256: { name: "ECDSA", hash: "SHA-256" },
  RS256: { name: "RSASSA-PKCS1-v1_5" },
  EdDSA: { name: "Ed25519" },
};

/** The {@link Cryptography} port on WebCrypto. */
export const webCryptography: Cryptography = {
  sha256: sha256Web,
  verifySignature: verifySignatureWeb,
  sign: async ({ alg, privateKey }, header, payload) => {
    const input = `${header}.${base64url(encoder.encode(payload))}`;
    const signature = await crypto.subtle.sign(SIGNING[alg], privateKey, encoder.encode(input));
    return `${input}.${base64url(new Uint8Array(signature))}`;
  },
  seal: async ({ iv, ...sealing }, text) => {
    const algorithm = { name: "AES-GCM", iv: iv as BufferSource };
    const sealed = await crypto.subtle.encrypt(algorithm, await deriveKey(sealing), encoder.encode(text));
    return new Uint8Array([...iv, ...new Uint8Array(sealed)]);
  },
  open: async (sealing, sealed) => {
    const algorithm = { name: "AES-GCM", iv: sealed.slice(0, SEALING_IV_BYTES) as BufferSource };
    const key = await deriveKey(sealing);
    const opened = await crypto.subtle.decrypt(algorithm, key, sealed.slice(SEALING_IV_BYTES) as BufferSource);
    return new TextDecoder().decode(opened);
  },
};

async function deriveKey({ secret, info }: Omit<Sealing, "iv">): Promise<CryptoKey> {
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const prk = await crypto.subtle.importKey("raw", encoder.encode(secret), hmac, false, ["sign"]);
  const okm = await crypto.subtle.sign("HMAC", prk, encoder.encode(`${info}\u0001`));
  return crypto.subtle.importKey("raw", okm, "AES-GCM", false, ["encrypt", "decrypt"]);
}
