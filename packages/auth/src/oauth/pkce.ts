import { isEqualInConstantTime } from "./digest.js";
import { type Sha256, sha256Web } from "./thumbprint.js";

/** RFC 7636 §4.2: a base64url SHA-256 has 43 characters. `plain` is not accepted anywhere, so nothing longer is. */
const CHALLENGE = /^[A-Za-z0-9_-]{43}$/;
/** RFC 7636 §4.1. */
const VERIFIER = /^[A-Za-z0-9\-._~]{43,128}$/;

export function isCodeChallenge(value: string): boolean {
  return CHALLENGE.test(value);
}

/** RFC 7636 §4.6 with S256: whether `code_verifier` has the form of one and its hash is `code_challenge`. */
export async function isCodeVerifier(
  code_verifier: string,
  code_challenge: string,
  sha256: Sha256 = sha256Web,
): Promise<boolean> {
  return VERIFIER.test(code_verifier) && isEqualInConstantTime(await sha256(code_verifier), code_challenge);
}
