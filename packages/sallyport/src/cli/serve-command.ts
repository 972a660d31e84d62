import type { Command } from "commander";
import { checkProxy } from "../config/proxy.js";
import type { Config } from "../config/schema.js";
import { judgeExposure } from "./exposure-danger.js";
import { loadInstallation } from "./load-installation.js";
import { watchPolicy } from "./policy-reload.js";
import { run } from "./run.js";

interface ServeOptions {
  readonly json: boolean;
  readonly dangerouslyAllowPlainHttp: boolean;
}

const HELP = `
Each server of the file is served at <publicUrl>/mcp/<name>. Settings: sallyport docs settings.

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
      const exposure = (config: Config) => judgeExposure(config, options.dangerouslyAllowPlainHttp);
      const installation = loadInstallation(file, {
        checks: [(config) => exposure(config).problems, (config) => checkProxy(config, process.env)],
      });
      const { dangers, plainHttp } = exposure(installation.config);
      done(
        await run(
          { ...installation, dangers, plainHttp },
          { json: options.json, replace: false, watch: (running) => watchPolicy(file, running) },
        ),
      );
    });
}
