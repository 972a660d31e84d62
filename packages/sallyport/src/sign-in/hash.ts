import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** base64url SHA-256: how every random secret of these pages is stored. */
export function sha256(value: string): string {
  return createHash("sha256").update(value).digest("base64url");
}

/** A value for one use, derived from a secret: `purpose` keeps uses apart. */
export function derive(secret: string, purpose: string): string {
  return createHmac("sha256", secret).update(purpose).digest("base64url");
}

/** Compares in constant time, whatever the lengths. */
export function isSame(a: string, b: string): boolean {
  return timingSafeEqual(createHash("sha256").update(a).digest(), createHash("sha256").update(b).digest());
}
