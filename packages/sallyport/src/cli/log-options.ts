import type { JWK } from "jose";
import { CliError } from "./exit.js";
import { readText } from "./read-text.js";

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** A time in ISO 8601, or an age such as `7d`, as integer seconds since the epoch. @throws CliError. */
export function secondsAgo(text: string, now: number): number {
  const [, amount, unit = ""] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (amount !== undefined) return now - Number(amount) * (UNITS[unit] ?? 1);
  const milliseconds = /^\d{4}-\d{2}-\d{2}(T.*)?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(milliseconds)) {
    throw new CliError(`${JSON.stringify(text)}: write a time such as 2026-07-28T12:00:00Z, or an age such as 7d`);
  }
  return Math.floor(milliseconds / 1000);
}

/** The keys of a JWK or JWK set file. @throws CliError. */
export function readLogKeys(
  file: string | undefined,
  fallback: () => object,
): readonly { readonly kid: string; readonly jwk: JWK }[] {
  const value = file === undefined ? fallback() : readJson(file);
  const keys = (value as { keys?: unknown }).keys;
  return (Array.isArray(keys) ? keys : [value]).map((jwk: JWK) => {
    if (typeof jwk?.kid !== "string") throw new CliError(`--key ${file}: a key without kid; print it with \`log key\``);
    return { kid: jwk.kid, jwk };
  });
}

function readJson(file: string): object {
  const text = readText(file, `--key ${file}`);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
    throw new Error("not an object");
  } catch (error) {
    throw new CliError(`--key ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
