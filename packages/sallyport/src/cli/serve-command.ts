import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { parseConfig } from "../config/load.js";
import { ConfigError } from "../config/problem.js";
import { checkPolicy } from "../policy/server-policy.js";
import { CliError } from "./exit.js";
import { judgeExposure } from "./exposure-danger.js";
import { fileInstallation, type Installation } from "./installation.js";
import { run } from "./run.js";

interface ServeOptions {
  readonly json: boolean;
  readonly dangerouslyAllowPlainHttp: boolean;
}

const HELP = `
Each server of the file is served at <publicUrl>/mcp/<name>. Settings: docs/settings.md.

Example:
  $ cat sallyport.yaml
  publicUrl: https://mcp.example.com
  trustedProxies: [10.0.0.0/8]
  servers:
    crm:
      upstream: http://127.0.0.1:9001/mcp
      access:
        - { roles: [support], scopes: [mcp:read, mcp:write] }
  $ sallyport serve sallyport.yaml

Exit codes: 0 stopped, 2 could not start (the message says why, with line and column).`;

export function addServeCommand(program: Command, done: (exitCode: number) => void): void {
  program
    .command("serve")
    .summary("run several servers from a configuration file")
    .description("Runs several protected servers from a configuration file.")
    .argument("<file>", "for example sallyport.yaml")
    .option("--json", "one JSON object per line on standard output", false)
    .option("--dangerously-allow-plain-http", "let tokens cross a network in the clear", false)
    .addHelpText("after", HELP)
    .action(async (file: string, options: ServeOptions) => {
      const installation = loadInstallation(file);
      const { problems, dangers } = judgeExposure(installation.config, options.dangerouslyAllowPlainHttp);
      if (problems.length > 0) {
        throw new ConfigError(problems.map(({ path, message }) => `${file}: ${path.join(".")}: ${message}`).join("\n"));
      }
      done(await run({ ...installation, dangers }, { json: options.json, replace: false }));
    });
}

/** @throws ConfigError or CliError that names the file. */
export function loadInstallation(file: string, options: { readonly accessOptional?: boolean } = {}): Installation {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new CliError(`${file}: cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown error"})`);
  }
  return fileInstallation(
    resolve(file),
    parseConfig(text, { file, environment: process.env, checks: [checkPolicy], ...options }),
  );
}
