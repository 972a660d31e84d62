import { base64url, type System } from "../system.js";

const encoder = new TextEncoder();
/** Separates this use of a refresh token's entropy from every other. */
const INFO = encoder.encode("sallyport refresh successor v1");
const NONCE_BYTES = 12;

/**
 * Seals a refresh token under its predecessor: AES-256-GCM under HKDF-SHA-256 of the predecessor, which the store knows as a hash only,
 * so that a stolen store opens nothing (design §5.3). base64url of nonce and ciphertext.
 */
export async function sealSuccessor(system: System, predecessor: string, successor: string): Promise<string> {
  const iv = new Uint8Array(system.randomBytes(NONCE_BYTES));
  const key = await deriveKey(predecessor);
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, encoder.encode(successor));
  return base64url(new Uint8Array([...iv, ...new Uint8Array(sealed)]));
}

/** The inverse. @throws when it was sealed under another predecessor, or touched. */
export async function openSuccessor(predecessor: string, sealed: string): Promise<string> {
  const binary = atob(sealed.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  const algorithm = { name: "AES-GCM", iv: bytes.slice(0, NONCE_BYTES) };
  const opened = await crypto.subtle.decrypt(algorithm, await deriveKey(predecessor), bytes.slice(NONCE_BYTES));
  return new TextDecoder().decode(opened);
}

async function deriveKey(secret: string): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey("raw", encoder.encode(secret), "HKDF", false, ["deriveKey"]);
  // RFC 5869 §3.1: the token is 256 random bits already, so there is no salt to add.
  const derivation = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: INFO };
  return crypto.subtle.deriveKey(derivation, material, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}
