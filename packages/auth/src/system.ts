/**
 * The only file of this package that touches the clock, randomness and the console.
 * Everything else takes `now` (integer seconds since the epoch) or a {@link System} as an argument.
 */

/** One structured log line. `fields` never holds a token, a code, a secret or a query string. */
export type Log = (
  level: "debug" | "info" | "warn" | "error",
  message: string,
  fields?: Record<string, unknown>,
) => void;

export interface System {
  /** Wall clock in integer seconds since the epoch: the unit of every protocol time (`exp`, `iat`, …). */
  now(): number;
  /** Monotonic milliseconds for local time-outs and for the age of an answer; never compared with {@link now}. */
  monotonicMs(): number;
  /** `length` bytes from the platform's cryptographic generator. */
  randomBytes(length: number): Uint8Array;
  readonly log: Log;
}

/** A call of the generator costs ten times what 16 bytes of it do. */
const POOL_BYTES = 4096;

export const system: System = {
  now: () => Math.floor(Date.now() / 1000),
  monotonicMs: () => performance.now(),
  randomBytes: createRandomPool(),
  log: (level, message, fields) => {
    if (level === "debug") return;
    // biome-ignore lint/suspicious/noConsole: the default log of a library without a logger; a program hands in its own.
    console.error(`${level} ${message}${fields === undefined ? "" : ` ${JSON.stringify(fields)}`}`);
  },
};

/** What was handed out is wiped here, and given to nobody else. */
function createRandomPool(): System["randomBytes"] {
  const pool = new Uint8Array(POOL_BYTES);
  let used = POOL_BYTES;
  return (length) => {
    if (length > POOL_BYTES / 16) return crypto.getRandomValues(new Uint8Array(length));
    if (used + length > POOL_BYTES) {
      crypto.getRandomValues(pool);
      used = 0;
    }
    const bytes = pool.slice(used, used + length);
    pool.fill(0, used, used + length);
    used += length;
    return bytes;
  };
}

/** `bytes` (default 32, that is 256 bits) of randomness, base64url without padding. */
export function randomToken(from: System, bytes = 32): string {
  return base64url(from.randomBytes(bytes));
}

/** RFC 4648 §5, without padding. */
export function base64url(bytes: Uint8Array): string {
  let text = "";
  let at = 0;
  for (; at + 2 < bytes.length; at += 3) {
    const three = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
    text += PAIRS[three >> 12] as string;
    text += PAIRS[three & 0xfff] as string;
  }
  const [first, second] = [bytes[at], bytes[at + 1]];
  if (first === undefined) return text;
  if (second === undefined) return text + PAIRS[first << 4];
  const last = (first << 8) | second;
  return text + PAIRS[last >> 4] + ALPHABET[(last & 0xf) << 2];
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/** Two digits at once: 12 bits → 2 characters. */
const PAIRS: readonly string[] = Array.from(
  { length: 4096 },
  (_, bits) => `${ALPHABET[bits >> 6]}${ALPHABET[bits & 63]}`,
);

/** The inverse. @throws when it is not base64url */
export function fromBase64url(text: string): Uint8Array {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}
