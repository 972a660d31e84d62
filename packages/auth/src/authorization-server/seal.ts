import { type Cryptography, SEALING_IV_BYTES } from "../oauth/cryptography.js";
import { base64url, fromBase64url, type System } from "../system.js";

/** Separates this use of a refresh token's entropy from every other. */
const INFO = "sallyport refresh successor v2";

export interface SealParts {
  readonly system: Pick<System, "randomBytes">;
  readonly cryptography: Pick<Cryptography, "seal" | "open">;
}

/**
 * Seals a refresh token under its predecessor, which the store knows as a hash only, so that a stolen store opens nothing (design §5.3).
 * base64url of nonce and ciphertext.
 */
export async function sealSuccessor(
  { system, cryptography }: SealParts,
  predecessor: string,
  successor: string,
): Promise<string> {
  const sealing = { secret: predecessor, info: INFO, iv: system.randomBytes(SEALING_IV_BYTES) };
  return base64url(await cryptography.seal(sealing, successor));
}

/** The inverse. @throws when it was sealed under another predecessor, or touched. */
export async function openSuccessor(
  { cryptography }: Pick<SealParts, "cryptography">,
  predecessor: string,
  sealed: string,
): Promise<string> {
  return cryptography.open({ secret: predecessor, info: INFO }, fromBase64url(sealed));
}
