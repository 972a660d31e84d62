import { resolve } from "node:path";
import type { SecretSource } from "../config/settings.js";
import { CliError } from "./exit.js";
import { readText } from "./read-text.js";

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

/** The same for a whole mapping, for example the environment of a stdio server. */
export function readSecrets(
  sources: Readonly<Record<string, SecretSource>>,
  baseFolder: string,
  setting: string,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(sources).map(([name, source]) => [name, readSecret(source, baseFolder, `${setting}.${name}`)]),
  );
}
