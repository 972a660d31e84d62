import type { System } from "../../system.js";

/** RFC 8628 §6.1: consonants, so that no words come out, and none that is read as another. 8 of 20 are 34.5 bits. */
const ALPHABET = "BCDFGHJKLMNPQRSTVWXZ";
const LENGTH = 8;
/** The largest multiple of 20 below 256: bytes above would make some letters likelier. */
const EVEN = 240;

/** Eight letters, each as likely as any other. */
export function createUserCode(system: System): string {
  let code = "";
  while (code.length < LENGTH) {
    for (const byte of system.randomBytes(LENGTH)) {
      if (byte < EVEN && code.length < LENGTH) code += ALPHABET[byte % ALPHABET.length];
    }
  }
  return code;
}

/** `WDJB-MJHT`, as people read it. */
export function formatUserCode(code: string): string {
  return `${code.slice(0, LENGTH / 2)}-${code.slice(LENGTH / 2)}`;
}

/** What somebody typed: case, spaces and dashes do not matter (RFC 8628 §6.1). `undefined`: that is no code. */
export function parseUserCode(text: string): string | undefined {
  const code = text
    .slice(0, 64)
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, "");
  return code.length === LENGTH && [...code].every((letter) => ALPHABET.includes(letter)) ? code : undefined;
}
