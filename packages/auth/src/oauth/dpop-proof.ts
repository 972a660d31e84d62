import type { JWK } from "jose";
import { base64url } from "../system.js";
import { type Awaitable, chain } from "./awaitable.js";
import type { Sha256 } from "./thumbprint.js";

/** Port: a key of one's own that proofs are signed with. `./node` has one that answers at once. */
export interface DpopSigner {
  readonly alg: "ES256";
  /** The public half, and nothing else. */
  readonly jwk: JWK;
  /** r ‖ s of the bytes of `signingInput` (RFC 7518 §3.4). */
  sign(signingInput: string): Awaitable<Uint8Array>;
}

export interface DpopProofClaims {
  /** The request's method, as sent. */
  readonly htm: string;
  /** The request's URL; query and fragment are left out (RFC 9449 §4.2). */
  readonly htu: string;
  /** The access token that the proof comes with; absent at the token endpoint. */
  readonly accessToken?: string;
  /** The last nonce of the server that is asked (§8, §9). */
  readonly nonce?: string | undefined;
  readonly jti: string;
  /** Integer seconds. */
  readonly iat: number;
}

const encoder = new TextEncoder();
const encode = (value: unknown) => base64url(encoder.encode(JSON.stringify(value)));
const headers = new WeakMap<DpopSigner, string>();

/** RFC 9449 §4.2: one proof for one request. Synchronous when the ports are. @throws TypeError for a URL that is none. */
export function formatDpopProof(signer: DpopSigner, proof: DpopProofClaims, sha256: Sha256): Awaitable<string> {
  const { htm, htu, accessToken, nonce, jti, iat } = proof;
  const url = new URL(htu);
  const ath: Awaitable<string | undefined> = accessToken === undefined ? undefined : sha256(accessToken);
  return chain(ath, (hash) => {
    const claims = { jti, htm, htu: url.origin + url.pathname, iat, ath: hash, nonce };
    const signingInput = `${headerOf(signer)}.${encode(claims)}`;
    return chain(signer.sign(signingInput), (signature) => `${signingInput}.${base64url(signature)}`);
  });
}

function headerOf(signer: DpopSigner): string {
  const known = headers.get(signer);
  if (known !== undefined) return known;
  const { kty, crv, x, y } = signer.jwk;
  const made = encode({ alg: signer.alg, typ: "dpop+jwt", jwk: { kty, crv, x, y } });
  headers.set(signer, made);
  return made;
}

/** A new key on WebCrypto, whose private half cannot leave it. */
export async function createDpopSigner(): Promise<DpopSigner> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const { privateKey, publicKey } = await crypto.subtle.generateKey(algorithm, false, ["sign", "verify"]);
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", publicKey);
  return {
    alg: "ES256",
    jwk: { kty, crv, x, y } as JWK,
    sign: async (signingInput) =>
      new Uint8Array(
        await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, privateKey, encoder.encode(signingInput)),
      ),
  };
}
