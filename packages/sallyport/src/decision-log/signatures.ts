import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import type { JWK } from "jose";

/** Signs what the log vouches for. One key per installation, apart from the keys of tokens. */
export interface LogSigner {
  /** RFC 7638 thumbprint of the public key. */
  readonly kid: string;
  /** ES256 over `text`, base64url. */
  sign(text: string): string;
}

/** Checks with public keys alone: `undefined` for a key that is not among them. */
export type VerifyLogSignature = (kid: string, text: string, signature: string) => boolean | undefined;

/** Nothing else may be signed with this key under these words. */
const PREFIX = "sallyport decision log, version 1\n";
const bytesOf = (text: string) => Buffer.from(PREFIX + text);

export function createLogSigner(kid: string, privateJwk: JWK): LogSigner {
  const key = createPrivateKey({ key: privateJwk as Record<string, unknown>, format: "jwk" });
  return {
    kid,
    sign: (text) => sign("sha256", bytesOf(text), { key, dsaEncoding: "ieee-p1363" }).toString("base64url"),
  };
}

/** @throws TypeError for a key that is not an EC key on P-256. */
export function createLogVerifier(keys: readonly { readonly kid: string; readonly jwk: JWK }[]): VerifyLogSignature {
  const known = new Map<string, KeyObject>();
  for (const { kid, jwk } of keys) {
    if (jwk.kty !== "EC" || jwk.crv !== "P-256") throw new TypeError("a log key is an EC key on P-256");
    const { kty, crv, x, y } = jwk;
    known.set(kid, createPublicKey({ key: { kty, crv, x, y } as Record<string, unknown>, format: "jwk" }));
  }
  return (kid, text, signature) => {
    const key = known.get(kid);
    if (key === undefined) return undefined;
    const bytes = Buffer.from(signature, "base64url");
    // One spelling only: base64url has bits to spare at its end, and a line must not change without being noticed.
    if (bytes.length !== 64 || bytes.toString("base64url") !== signature) return false;
    return verify("sha256", bytesOf(text), { key, dsaEncoding: "ieee-p1363" }, bytes);
  };
}

const SIGNED = /^(\{.*),"signature":"([A-Za-z0-9_-]+)"\}$/s;

/** Closes a JSON object with a signature over all of it. `members` is its text without the closing brace. */
export function formatSigned(members: string, signer: LogSigner): string {
  return `${members},"signature":"${signer.sign(`${members}}`)}"}`;
}

/** Whether the text is signed by the key it names, over these very bytes; `undefined` where that key is not known. */
export function isSigned(text: string, kid: unknown, verifySignature: VerifyLogSignature): boolean | undefined {
  const [, members, signature] = SIGNED.exec(text) ?? [];
  if (members === undefined || signature === undefined || typeof kid !== "string") return false;
  return verifySignature(kid, `${members}}`, signature);
}
