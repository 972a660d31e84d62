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

export const system: System = {
  now: () => Math.floor(Date.now() / 1000),
  monotonicMs: () => performance.now(),
  randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  log: (level, message, fields) => {
    if (level === "debug") return;
    // biome-ignore lint/suspicious/noConsole: the default log of a library without a logger; a program hands in its own.
    console.error(`${level} ${message}${fields === undefined ? "" : ` ${JSON.stringify(fields)}`}`);
  },
};

/** `bytes` (default 32, that is 256 bits) of randomness, base64url without padding. */
export function randomToken(from: System, bytes = 32): string {
  return base64url(from.randomBytes(bytes));
}

export function base64url(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
