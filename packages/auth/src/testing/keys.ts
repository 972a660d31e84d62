import { calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose";
import type { SigningKeys } from "../oauth/key-set.js";

/** A fresh ES256 key, its thumbprint (RFC 7638) as `kid`; it lives as long as the process. */
export async function createTestKeys(): Promise<SigningKeys> {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  return {
    current: async () => ({ kid, alg: "ES256", privateKey }),
    publicKeys: async () => [{ ...jwk, kid, alg: "ES256", use: "sig" }],
  };
}
