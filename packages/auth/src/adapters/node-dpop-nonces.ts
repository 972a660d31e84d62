import { createHmac, timingSafeEqual } from "node:crypto";
import type { DpopNonces } from "../oauth/dpop.js";

/** Seconds for which one nonce is handed out; it is accepted for one such time more. */
const WINDOW = 120;
const MIN_KEY_BYTES = 32;

/**
 * The {@link DpopNonces} port without a store: an HMAC over the time, cut into windows (RFC 9449 §8: unpredictable, and recent). Processes
 * that share `key` accept each other's. @throws TypeError for a key below 256 bits.
 */
export function createDpopNonces(key: Uint8Array): DpopNonces {
  if (key.length < MIN_KEY_BYTES)
    throw new TypeError(`createDpopNonces: the key needs at least ${MIN_KEY_BYTES} bytes.`);
  const nonceOf = (window: number): string =>
    createHmac("sha256", key).update(`sallyport dpop nonce ${window}`).digest("base64url");
  return {
    current: (now) => nonceOf(Math.floor(now / WINDOW)),
    isCurrent: (nonce, now) => {
      const window = Math.floor(now / WINDOW);
      return [window, window - 1].some((one) => isEqual(nonceOf(one), nonce));
    },
  };
}

function isEqual(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
