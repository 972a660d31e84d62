import { generateKeyPairSync, sign } from "node:crypto";
import type { JWK } from "jose";
import type { DpopSigner } from "../oauth/dpop-proof.js";

/** The {@link DpopSigner} port on `node:crypto`, with a new key: answers at once. */
export function createDpopSignerNode(): DpopSigner {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { kty, crv, x, y } = publicKey.export({ format: "jwk" });
  return {
    alg: "ES256",
    jwk: { kty, crv, x, y } as JWK,
    sign: (signingInput) => sign("sha256", Buffer.from(signingInput), { key: privateKey, dsaEncoding: "ieee-p1363" }),
  };
}
