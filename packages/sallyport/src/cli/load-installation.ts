import { resolve } from "node:path";
import { parseConfig } from "../config/load.js";
import type { Problem } from "../config/problem.js";
import type { Config } from "../config/schema.js";
import { checkPolicy } from "../policy/server-policy.js";
import { fileInstallation, type Installation } from "./installation.js";
import { readText } from "./read-text.js";

/** @throws ConfigError or CliError that names the file. */
export function loadInstallation(
  file: string,
  options: {
    readonly accessOptional?: boolean;
    /** What a file that is served has to satisfy besides. */
    readonly checks?: readonly ((config: Config) => readonly Problem[])[];
  } = {},
): Installation {
  const text = readText(file);
  const checks = [checkPolicy, ...(options.checks ?? [])];
  const config = parseConfig(text, { ...options, file, environment: process.env, checks });
  return fileInstallation(resolve(file), config);
}
