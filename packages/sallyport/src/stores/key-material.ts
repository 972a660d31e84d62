import { createPrivateKey, type KeyObject } from "node:crypto";
import type { SigningKey } from "@sallyport/auth";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from "jose";

type Algorithm = SigningKey["alg"];

/** A key pair on its way into the store; the private half is nowhere but here and, sealed, there. */
export interface KeyMaterial {
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  readonly alg: Algorithm;
  readonly publicJwk: JWK;
  readonly privateJwk: JWK;
}

/** Members of a public key, by `kty` (RFC 7518 §6, RFC 8037 §2). */
const PUBLIC_MEMBERS = ["kty", "crv", "x", "y", "n", "e"] as const;
const MIN_RSA_BITS = 2048;

/** RS256 keys have 2048 bits (RFC 7518 §3.3), EdDSA ones the curve Ed25519. */
export async function generateKey(alg: Algorithm): Promise<KeyMaterial> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  return describeKey(alg, await exportJWK(privateKey));
}

/**
 * A private key in PKCS#8, PEM, not encrypted (RFC 5958): P-256 → ES256, RSA of 2048 bits or more → RS256, Ed25519 → EdDSA.
 * @throws TypeError with a sentence for the operator that holds nothing of the key.
 */
export async function readPkcs8(pem: string): Promise<KeyMaterial> {
  const labels = [...pem.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----/g)].map(([, label = ""]) => label);
  // Which of several was meant, nobody can say; a certificate or parameters beside a key are no matter.
  if (labels.filter((label) => label.endsWith("PRIVATE KEY")).length > 1) {
    throw new TypeError("several private keys are in it; leave the one that is to sign");
  }
  if (!labels.includes("PRIVATE KEY")) {
    const known = labels.find((label) => Object.hasOwn(HINTS, label)) ?? "";
    throw new TypeError(HINTS[known] ?? "no private key in PKCS#8 (PEM) is in it");
  }
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, format: "pem" });
  } catch {
    // The cause may quote what it could not read.
    throw new TypeError("the private key cannot be read");
  }
  return describeKey(algorithmOf(key), key.export({ format: "jwk" }) as JWK);
}

const CONVERT = "`openssl pkcs8 -topk8 -nocrypt -in KEY -out NEW` makes one of it";
const HINTS: Readonly<Record<string, string>> = {
  "ENCRYPTED PRIVATE KEY":
    "the private key is encrypted; `openssl pkcs8 -in KEY -out NEW` takes the password off, and the store seals it",
  "EC PRIVATE KEY": `the key is in SEC 1, not in PKCS#8; ${CONVERT}`,
  "RSA PRIVATE KEY": `the key is in PKCS#1, not in PKCS#8; ${CONVERT}`,
  "PUBLIC KEY": "that is a public key; a key that signs is private",
};

function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): Algorithm {
  const { namedCurve, modulusLength = 0 } = asymmetricKeyDetails ?? {};
  if (asymmetricKeyType === "ec" && namedCurve === "prime256v1") return "ES256";
  if (asymmetricKeyType === "ed25519") return "EdDSA";
  if (asymmetricKeyType === "rsa" && modulusLength >= MIN_RSA_BITS) return "RS256";
  const size = modulusLength > 0 ? ` of ${modulusLength} bits` : "";
  throw new TypeError(
    `a key of type ${namedCurve ?? asymmetricKeyType}${size} signs none of ES256 (P-256), RS256 (RSA, 2048 bits or more) and EdDSA (Ed25519)`,
  );
}

async function describeKey(alg: Algorithm, privateJwk: JWK): Promise<KeyMaterial> {
  const members = Object.fromEntries(
    PUBLIC_MEMBERS.flatMap((name) => (privateJwk[name] === undefined ? [] : [[name, privateJwk[name]]])),
  ) as JWK;
  const kid = await calculateJwkThumbprint(members);
  return { kid, alg, publicJwk: { ...members, kid, alg, use: "sig" }, privateJwk };
}
