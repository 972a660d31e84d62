import { createHash } from "node:crypto";

/** A JSON text that this folder wrote: its shape is known. */
export function fromJson<T>(text: string): T {
  return JSON.parse(text) as T;
}

/** Absent is NULL in a table and `undefined` in the ports. */
export function orNull<T>(value: T | undefined): T | null {
  return value ?? null;
}

export function orUndefined<T>(value: T | null): T | undefined {
  return value ?? undefined;
}

/** For values that are secrets of 256 random bits: base64url SHA-256. */
export function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("base64url");
}
