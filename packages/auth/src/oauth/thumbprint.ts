import { base64url, type JWK } from "jose";
import type { Awaitable } from "./awaitable.js";

/** Port: base64url SHA-256 of a text's UTF-8 bytes. On WebCrypto it is a promise; `./node` has one that answers at once. */
export type Sha256 = (text: string) => Awaitable<string>;

export const sha256Web: Sha256 = async (text) => {
  const digest = await globalThis.crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return base64url.encode(new Uint8Array(digest));
};

/** RFC 7638 §3.2, RFC 8037 §2: the required members of each key type, in lexicographic order. */
const THUMBPRINT_MEMBERS: Readonly<Record<string, readonly string[]>> = {
  EC: ["crv", "kty", "x", "y"],
  OKP: ["crv", "kty", "x"],
  RSA: ["e", "kty", "n"],
};

/** Whether the key has every member that its thumbprint is made of. */
export function hasThumbprint(key: JWK): boolean {
  return requiredMembers(key)?.every(([, value]) => typeof value === "string") ?? false;
}

/** The SHA-256 thumbprint of a public key (RFC 7638), as in `cnf.jkt`. @throws TypeError for a key without the required members. */
export function thumbprint(key: JWK, sha256: Sha256): Awaitable<string> {
  const known = thumbprints.get(key);
  if (known !== undefined) return known;
  const members = requiredMembers(key);
  if (members === undefined || !hasThumbprint(key)) throw new TypeError("This key has no thumbprint.");
  const made = sha256(JSON.stringify(Object.fromEntries(members)));
  if (typeof made === "string") thumbprints.set(key, made);
  return made;
}

/** Of key objects that come again, as those of {@link decodeJws} do; nobody changes them. */
const thumbprints = new WeakMap<JWK, string>();

function requiredMembers(key: JWK): readonly (readonly [string, unknown])[] | undefined {
  const kty = key.kty ?? "";
  if (!Object.hasOwn(THUMBPRINT_MEMBERS, kty)) return undefined;
  return THUMBPRINT_MEMBERS[kty]?.map((name) => [name, (key as Readonly<Record<string, unknown>>)[name]]);
}
