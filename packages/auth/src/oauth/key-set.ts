import type { JWK } from "jose";

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

/** The authorization server's own keys. The current one signs; all public ones are published until every token they signed has expired. */
export interface SigningKeys {
  current(): Promise<{ readonly kid: string; readonly alg: "ES256"; readonly privateKey: CryptoKey }>;
  publicKeys(): Promise<readonly JWK[]>;
}
