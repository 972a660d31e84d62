import { resolve } from "node:path";
import type { SealableSource } from "../config/setting.js";
import type { SecretSource } from "../config/settings.js";
import { UpstreamError } from "../upstream/upstream.js";
import { CliError } from "./exit.js";
import { readText } from "./read-text.js";
import { isSealed, type SealedSecrets } from "./sealed-secrets.js";

/** The value of a setting that may lie elsewhere. @throws CliError that names the setting and the place, never the value. */
export function readSecret(source: SecretSource, baseFolder: string, setting: string): string {
  if (typeof source === "string") return source;
  if ("env" in source) {
    const value = process.env[source.env];
    if (value === undefined) throw new CliError(`${setting}: the environment variable ${source.env} is not set`);
    return value;
  }
  const file = resolve(baseFolder, source.file);
  return readText(file, `${setting}: ${file}`).replace(/\r?\n$/, "");
}

/** Where stored secrets are read, for a setting that may name one. */
export interface SealedAt {
  readonly secrets: SealedSecrets;
  readonly baseFolder: string;
  readonly setting: string;
}

/**
 * A value that the store may have, as it is now. @throws CliError for one that cannot be read; later, for one that was removed meanwhile,
 * UpstreamError.
 */
export function secretReader(source: SealableSource, { secrets, baseFolder, setting }: SealedAt): () => string {
  if (isSealed(source)) return () => secrets.read(source.secret);
  const value = readSecret(source, baseFolder, setting);
  return () => value;
}

/** What a header field may hold (RFC 9110 §5.5). */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/**
 * Headers some of whose values the store may have: the same object until a secret changes. @throws CliError for a secret that cannot be read
 * or is no header value; later, for one that was changed or removed meanwhile, UpstreamError.
 */
export function headerReader(
  sources: Readonly<Record<string, SealableSource>>,
  { secrets, ...at }: SealedAt,
): () => Readonly<Record<string, string>> {
  const entries = Object.entries(sources).map(([name, source]) => {
    if (isSealed(source)) return [name, source] as const;
    return [name, readSecret(source, at.baseFolder, `${at.setting}.${name}`)] as const;
  });
  const textOf = (name: string, source: string | { readonly secret: string }): string => {
    if (typeof source === "string") return source;
    const value = secrets.read(source.secret);
    if (FIELD_VALUE.test(value)) return value;
    throw new UpstreamError("protocol", `${at.setting}.${name}: the secret ${source.secret} is no header value`);
  };
  const read = () => Object.fromEntries(entries.map(([name, source]) => [name, textOf(name, source)]));
  let held = { version: secrets.version, headers: atStart(read) };
  return () => {
    if (held.version !== secrets.version) held = { version: secrets.version, headers: read() };
    return held.headers;
  };
}

function atStart<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof UpstreamError ? new CliError(error.message) : error;
  }
}

/** {@link readSecret} for a whole mapping, for example the headers of a server. */
export function readSecrets(
  sources: Readonly<Record<string, SecretSource>>,
  baseFolder: string,
  setting: string,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(sources).map(([name, source]) => [name, readSecret(source, baseFolder, `${setting}.${name}`)]),
  );
}
