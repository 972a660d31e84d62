import type { System } from "@sallyport/auth";
import { sha256 } from "./hash.js";

/*
 * One-time codes as people see them: `XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX` in Crockford's base 32. 26 characters hold 2 bits of purpose
 * and 128 random bits; 2 more are a checksum, so that a slip of the keyboard is caught here and does not cost one of the five tries.
 */

export type CodePurpose = "owner" | "user";

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const PURPOSES: readonly CodePurpose[] = ["owner", "user"];
const DATA = 26;
const CHECK = 2;

/** A fresh code of 128 random bits. Show it once, store only {@link hashCode} of it. */
export function createCode(purpose: CodePurpose, system: System): string {
  let bits = BigInt(PURPOSES.indexOf(purpose));
  for (const byte of system.randomBytes(16)) bits = (bits << 8n) | BigInt(byte);
  let data = "";
  for (let index = DATA - 1; index >= 0; index--) data += ALPHABET[Number((bits >> BigInt(index * 5)) & 31n)];
  return (data + checksum(data)).replace(/.{4}(?=.)/g, "$&-");
}

/** What was typed or pasted → its normal form and purpose; `undefined` when it cannot be a code (wrong length, letter or checksum). */
export function parseCode(typed: string): { readonly code: string; readonly purpose: CodePurpose } | undefined {
  if (typed.length > 100) return undefined;
  // Crockford: case does not matter, O reads as 0, I and L as 1; separators are for the eye.
  const plain = typed
    .normalize("NFKC")
    .toUpperCase()
    .replace(/[\s\-\u2010-\u2015]/g, "")
    .replaceAll("O", "0")
    .replace(/[IL]/g, "1");
  if (!new RegExp(`^[${ALPHABET}]{${DATA + CHECK}}$`).test(plain)) return undefined;
  const data = plain.slice(0, DATA);
  const purpose = PURPOSES[ALPHABET.indexOf(data.charAt(0)) >> 3];
  if (purpose === undefined || checksum(data) !== plain.slice(DATA)) return undefined;
  return { code: plain.replace(/.{4}(?=.)/g, "$&-"), purpose };
}

/** How a code is stored: 128 random bits need no slow hash. */
export function hashCode(code: string): string {
  return sha256(code);
}

function checksum(data: string): string {
  const digest = Buffer.from(sha256(`sallyport code ${data}`), "base64url");
  return ALPHABET.charAt(digest.readUInt8(0) & 31) + ALPHABET.charAt(digest.readUInt8(1) & 31);
}
