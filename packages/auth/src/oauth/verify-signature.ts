import { importJWK, type JWK } from "jose";
import type { SignatureAlgorithm, VerifySignature } from "./key-set.js";

interface Parameters {
  readonly name: string;
  readonly hash?: string;
  readonly saltLength?: number;
}

/** RFC 7518 §3.1 and RFC 8037 §3.1 names → WebCrypto verification parameters. */
const PARAMETERS: Readonly<Record<SignatureAlgorithm, Parameters>> = {
  ES256: { name: "ECDSA", hash: "SHA-256" },
  ES384: { name: "ECDSA", hash: "SHA-384" },
  RS256: { name: "RSASSA-PKCS1-v1_5" },
  PS256: { name: "RSA-PSS", saltLength: 32 },
  EdDSA: { name: "Ed25519" },
  Ed25519: { name: "Ed25519" },
};

const imported = new WeakMap<JWK, Promise<CryptoKey>>();

/** The {@link VerifySignature} port on WebCrypto, for every runtime. Imports each key object once. */
export const verifySignatureWeb: VerifySignature = async (algorithm, key, signingInput, signature) => {
  const cryptoKey = await importOnce(algorithm, key);
  const { subtle } = globalThis.crypto;
  return subtle.verify(PARAMETERS[algorithm], cryptoKey, signature as BufferSource, signingInput as BufferSource);
};

function importOnce(algorithm: SignatureAlgorithm, key: JWK): Promise<CryptoKey> {
  const known = imported.get(key);
  if (known !== undefined) return known;
  const promise = importJWK(key, algorithm).then((value) => {
    if (value instanceof Uint8Array) throw new TypeError("A symmetric key verifies nothing here.");
    return value;
  });
  imported.set(key, promise);
  return promise;
}
