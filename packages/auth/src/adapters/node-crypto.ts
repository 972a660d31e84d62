import { constants, createPublicKey, hash as digest, type JsonWebKey, type KeyObject, sign, verify } from "node:crypto";
import type { JWK } from "jose";
import type { SignatureAlgorithm, SigningAlgorithm, VerifySignature } from "../oauth/key-set.js";
import type { Sha256 } from "../oauth/thumbprint.js";

interface Parameters {
  readonly hash: string | null;
  readonly options?: { readonly dsaEncoding?: "ieee-p1363"; readonly padding?: number; readonly saltLength?: number };
}

/** RFC 7518 §3.3 to §3.5 and RFC 8037 §3.1. JWS has ECDSA signatures as r ‖ s, which OpenSSL calls IEEE P1363. */
const PARAMETERS: Readonly<Record<SignatureAlgorithm, Parameters>> = {
  ES256: { hash: "sha256", options: { dsaEncoding: "ieee-p1363" } },
  ES384: { hash: "sha384", options: { dsaEncoding: "ieee-p1363" } },
  RS256: { hash: "sha256" },
  PS256: { hash: "sha256", options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } },
  EdDSA: { hash: null },
  Ed25519: { hash: null },
};

/** By content, not by object: a proof's key is a new object with every request. Bounded, oldest first. */
const keys = new Map<string, KeyObject>();
const MAX_KEYS = 5_000;

/**
 * The {@link VerifySignature} port on `node:crypto`: answers at once, a good deal faster than WebCrypto for a single signature.
 * Does NOT check that the key fits the algorithm: `selectKey` and `isKeyFor` did. @throws TypeError for a key that cannot be read.
 */
export const verifySignatureNode: VerifySignature = (algorithm, key, signingInput, signature) => {
  const { hash, options } = PARAMETERS[algorithm];
  return verify(hash, signingInput, { key: keyObject(key), ...options }, signature);
};

/** Signs as JWS has it, at once. @throws when the key is not one for `algorithm` */
export function signNode(algorithm: SigningAlgorithm, key: KeyObject, input: Uint8Array): Buffer {
  const { hash, options } = PARAMETERS[algorithm];
  return sign(hash, input, { key, ...options });
}

/** Those that come as the same object, which needs no text to be found. */
const keysByObject = new WeakMap<JWK, KeyObject>();

function keyObject(jwk: JWK): KeyObject {
  const known = keysByObject.get(jwk);
  if (known !== undefined) return known;
  const found = keyByContent(jwk);
  keysByObject.set(jwk, found);
  return found;
}

function keyByContent(jwk: JWK): KeyObject {
  const { kty, crv, x, y, n, e } = jwk;
  const id = `${kty}.${crv}.${x}.${y}.${n}.${e}`;
  const known = keys.get(id);
  if (known !== undefined) return known;
  const made = importPublicKey({ kty, crv, x, y, n, e } as JsonWebKey);
  if (keys.size >= MAX_KEYS) {
    for (const oldest of keys.keys()) {
      keys.delete(oldest);
      break;
    }
  }
  keys.set(id, made);
  return made;
}

function importPublicKey(key: JsonWebKey): KeyObject {
  try {
    return createPublicKey({ key, format: "jwk" });
  } catch (cause) {
    throw new TypeError("The key cannot be read.", { cause });
  }
}

/** The {@link Sha256} port on `node:crypto`: answers at once. One-shot `hash` takes half the time of a Hash object for a token. */
export const sha256Node: Sha256 = (text) => digest("sha256", text, "base64url");
