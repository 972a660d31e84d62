import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseConfig } from "../config/load.js";
import { checkPolicy } from "../policy/server-policy.js";
import { CliError } from "./exit.js";
import { fileInstallation, type Installation } from "./installation.js";

/** @throws ConfigError or CliError that names the file. */
export function loadInstallation(file: string, options: { readonly accessOptional?: boolean } = {}): Installation {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new CliError(`${file}: cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown error"})`);
  }
  const config = parseConfig(text, { file, environment: process.env, checks: [checkPolicy], ...options });
  return fileInstallation(resolve(file), config);
}
