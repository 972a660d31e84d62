import type { CryptoKey, JWK } from "jose";
import type { Awaitable } from "./awaitable.js";

/** Signature algorithms accepted for access tokens and proofs; symmetric ones and `none` never. */
export const SIGNATURE_ALGORITHMS = ["ES256", "RS256", "PS256", "EdDSA", "Ed25519", "ES384"] as const;
export type SignatureAlgorithm = (typeof SIGNATURE_ALGORITHMS)[number];

/** Public keys of one issuer. `find` may fetch (rotation); it answers `undefined` for a key that the issuer does not have. */
export interface KeySet {
  find(
    header: { readonly alg: string; readonly kid: string | undefined },
    now: number,
  ): JWK | undefined | Promise<JWK | undefined>;
}

/**
 * Port: checks a JWS signature. WebCrypto by default; `@sallyport/auth/node` has one on `node:crypto` with cached keys that answers
 * synchronously. Answers `false` for a wrong signature; throws only for a key that does not fit the algorithm.
 */
export type VerifySignature = (
  algorithm: SignatureAlgorithm,
  key: JWK,
  signingInput: Uint8Array,
  signature: Uint8Array,
) => boolean | Promise<boolean>;

/** What access tokens can be signed with: RFC 9068 §2.1 wants every resource server to know RS256, and MCP clients care for none of them. */
export const SIGNING_ALGORITHMS = ["ES256", "RS256", "EdDSA"] as const;
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number];

export interface SigningKey {
  readonly kid: string;
  readonly alg: SigningAlgorithm;
  readonly privateKey: CryptoKey;
}

/** The authorization server's own keys. The current one signs; all public ones are published until every token they signed has expired. */
export interface SigningKeys {
  current(): Awaitable<SigningKey>;
  publicKeys(): Awaitable<readonly JWK[]>;
}

/** What a key must look like to serve an algorithm (RFC 7518 §6, RFC 8037 §2): its type, and its curve where it has one. */
const KEY_SHAPES: Readonly<Record<SignatureAlgorithm, { readonly kty: string; readonly crv?: string }>> = {
  ES256: { kty: "EC", crv: "P-256" },
  ES384: { kty: "EC", crv: "P-384" },
  RS256: { kty: "RSA" },
  PS256: { kty: "RSA" },
  EdDSA: { kty: "OKP", crv: "Ed25519" },
  Ed25519: { kty: "OKP", crv: "Ed25519" },
};

/** RFC 7518 §3.3: RSA keys of 2048 bits or more. 256 bytes in base64url. */
const MIN_MODULUS_LENGTH = 342;
/** JWK members that make a key private or symmetric (RFC 7518 §6.2.2, §6.3.2, §6.4.1). */
const SECRET_MEMBERS = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] as const;

export function isPublicJwk(key: JWK): boolean {
  return SECRET_MEMBERS.every((member) => key[member] === undefined);
}

/** Whether `key` may verify signatures of `algorithm`: type, curve, size, and what the key says about its own use. */
export function isKeyFor(algorithm: string, key: JWK): boolean {
  if (!Object.hasOwn(KEY_SHAPES, algorithm)) return false;
  const shape = KEY_SHAPES[algorithm as SignatureAlgorithm];
  if (key.kty !== shape.kty || (shape.crv !== undefined && key.crv !== shape.crv)) return false;
  if (key.kty === "RSA" && (key.n?.length ?? 0) < MIN_MODULUS_LENGTH) return false;
  // RFC 8725 §3.1: a key is used with the algorithm it was made for, and no other. Ed25519 has two names (RFC 9864).
  const sameAlgorithm =
    key.alg === undefined || key.alg === algorithm || (shape.kty === "OKP" && key.alg in KEY_SHAPES);
  if (!sameAlgorithm || (key.use !== undefined && key.use !== "sig")) return false;
  return key.key_ops === undefined || key.key_ops.includes("verify");
}

/** The one key that fits: by `kid` when the token names one, else only if there is exactly one candidate. */
export function selectKey(
  keys: readonly JWK[],
  header: { readonly alg: string; readonly kid: string | undefined },
): JWK | undefined {
  const fitting = keys.filter(
    (key) => isPublicJwk(key) && isKeyFor(header.alg, key) && (header.kid === undefined || key.kid === header.kid),
  );
  return fitting.length === 1 ? fitting[0] : undefined;
}

/** @throws TypeError when a key is private or symmetric: it must not be handed around. */
export function requirePublic(keys: readonly JWK[]): readonly JWK[] {
  if (!keys.every(isPublicJwk)) throw new TypeError("A key set for verification holds public keys only.");
  return keys;
}

/** A key set that never changes and never waits. @throws TypeError when a key is private or symmetric. */
export function localKeySet(jwks: { readonly keys: readonly JWK[] }): KeySet {
  const keys = requirePublic(jwks.keys).map((key) => ({ ...key }));
  return { find: (header) => selectKey(keys, header) };
}
