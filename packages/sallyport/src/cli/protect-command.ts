import { type Command, InvalidArgumentError, Option } from "commander";
import { checkPublicUrl, checkTls } from "../config/check.js";
import type { Problem } from "../config/problem.js";
import { proxyVariable } from "../config/proxy.js";
import { type Config, configType, type ServerConfig } from "../config/schema.js";
import { CliError } from "./exit.js";
import { judgeExposure } from "./exposure-danger.js";
import { isProgram, pathOf } from "./find-program.js";
import { DEFAULT_NAME, type Installation, protectInstallation, worldFolder } from "./installation.js";
import { run } from "./run.js";

interface ProtectOptions {
  readonly url?: string;
  readonly port: number;
  readonly host: string;
  readonly publicUrl?: string;
  readonly name: string;
  readonly dataDir?: string;
  readonly env: readonly string[];
  readonly shared: boolean;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly trustedProxy: readonly string[];
  readonly metrics?: string;
  readonly replace: boolean;
  readonly json: boolean;
  readonly logLevel: Config["log"]["level"];
  readonly dangerouslyAllowPlainHttp: boolean;
}

const HELP = `
Everything after -- is the command of a stdio MCP server. No shell is involved.

Examples:
  $ sallyport protect -- npx -y @modelcontextprotocol/server-filesystem ~/notes
  $ sallyport protect --name crm --port 4010 --url http://127.0.0.1:9001/mcp
  $ sallyport protect --env GITHUB_TOKEN -- my-github-server

What happens: clients get the URL http://localhost:<port>/mcp. Their first call opens a browser; you sign in with the code
printed here and agree to what that client may do. Reading and changing are separate permissions.
Other people: sallyport user add <user>, then sallyport user allow <user> mcp:read, both with the --name given here.

Exit codes: 0 stopped, 2 could not start (the message says why).`;

export function addProtectCommand(program: Command, done: (exitCode: number) => void): void {
  program
    .command("protect")
    .summary("put sign-in, consent and per-call permissions in front of one MCP server")
    .description("Puts sign-in, consent and per-call permissions in front of one MCP server.")
    .argument("[command...]", "command and arguments of a stdio server, after --")
    .option("--url <url>", "protect a Streamable HTTP server instead of a command")
    .option("--port <port>", "port to listen on; 0 takes a free one", portOf, 4000)
    .option("--host <address>", "address to listen on; `loopback` is 127.0.0.1 and [::1]", "loopback")
    .option("--public-url <url>", "URL under which clients reach it (default: http://localhost:<port>)")
    .option("--name <name>", "name of this installation: its own users, grants and keys", DEFAULT_NAME)
    .option("--data-dir <folder>", "where installations are kept (default: $XDG_DATA_HOME/sallyport)")
    .option("--env <NAME[=value]>", "give the command this environment variable; repeatable", collect, [])
    .option("--shared", "one process for all callers, instead of one each", false)
    .option("--tls-cert <file>", "certificate chain (PEM) for own TLS")
    .option("--tls-key <file>", "private key (PEM) for own TLS")
    .option(
      "--trusted-proxy <address>",
      "proxy whose X-Forwarded-For is believed; address or CIDR, repeatable",
      collect,
      [],
    )
    .addOption(
      new Option("--metrics <host:port>", "serve /metrics and /readyz there, apart from the public address").env(
        "SALLYPORT_METRICS_LISTEN",
      ),
    )
    .option("--replace", "the name now protects another server: end everything granted under it", false)
    .option("--json", "one JSON object per line on standard output", false)
    .addOption(
      new Option("--log-level <level>", "least level that is logged")
        .choices(["debug", "info", "warn", "error"])
        .default("info"),
    )
    .option("--dangerously-allow-plain-http", "let tokens cross a network in the clear", false)
    .addHelpText("after", HELP)
    .action(async (command: string[], options: ProtectOptions) => {
      done(await run(installationOf(command, options), { json: options.json, replace: options.replace }));
    });
}

function installationOf(command: readonly string[], options: ProtectOptions): Installation {
  if (command.length > 0 === (options.url !== undefined)) {
    throw new CliError(
      "say what to protect: either `sallyport protect -- <command…>` or `sallyport protect --url <url>`",
    );
  }
  const parsed = configType.safeParse({
    publicUrl: options.publicUrl,
    listen: { port: options.port, host: options.host, tls: { cert: options.tlsCert, key: options.tlsKey } },
    trustedProxies: options.trustedProxy,
    metrics: { listen: options.metrics },
    log: { level: options.logLevel },
    servers: {
      only: {
        ...(options.url === undefined ? { command, cwd: process.cwd() } : { upstream: options.url }),
        env: Object.fromEntries(options.env.map(variableOf)),
        shared: options.shared,
      },
    },
  });
  if (!parsed.success) {
    throw new CliError(
      parsed.error.issues
        .map((issue) => `${flagOf(issue.path)}: ${issue.message.replace(/^Invalid input: /, "")}`)
        .join("\n"),
    );
  }
  const server = parsed.data.servers.only as ServerConfig;
  checkProgram(server);
  refuse([...checkPublicUrl(parsed.data), ...checkTls(parsed.data)], "");
  const { problems, dangers, plainHttp } = judgeExposure(parsed.data, options.dangerouslyAllowPlainHttp);
  refuse(problems, "\n(or --dangerously-allow-plain-http)");
  const { config, notices } = withoutDocumentsBehindProxy(parsed.data);
  return protectInstallation({
    name: options.name,
    dataFolder: worldFolder({ dataDir: options.dataDir, name: options.name }, process.env),
    config,
    server,
    workingFolder: process.cwd(),
    operatorFlags: flagsOf(options),
    dangers,
    plainHttp,
    notices,
  });
}

/** Before anything is made: a slip of the keyboard is not what a name protects from then on. */
function checkProgram({ command, env }: ServerConfig): void {
  const [name] = command ?? [];
  if (name === undefined) return;
  const { platform } = process;
  if (isProgram(name, { cwd: process.cwd(), path: pathOf(env, process.env), platform })) return;
  const place = name.includes("/") ? "there is no such program" : "no folder of PATH has such a program";
  throw new CliError(`cannot start ${JSON.stringify(name)}: ${place}. Nothing was started, and nothing was kept.`);
}

/** A desk behind a proxy is no reason not to start: clients that are known by a document register themselves instead. */
function withoutDocumentsBehindProxy(config: Config): { readonly config: Config; readonly notices: readonly string[] } {
  const variable = proxyVariable(process.env);
  if (variable === undefined) return { config, notices: [] };
  const notice = `Client ID metadata documents are off while ${variable} is set: addresses behind a proxy cannot be checked.`;
  return { config: { ...config, registration: { ...config.registration, documents: "off" } }, notices: [notice] };
}

function flagsOf({ name, dataDir }: ProtectOptions): string {
  return (name === DEFAULT_NAME ? "" : ` --name ${name}`) + (dataDir === undefined ? "" : ` --data-dir ${dataDir}`);
}

function refuse(problems: readonly Problem[], way: string): void {
  if (problems.length === 0) return;
  throw new CliError(problems.map(({ path, message }) => `${flagOf(path)}: ${inFlags(message)}`).join("\n") + way);
}

/** The flag behind a setting, for messages: what people typed is what they recognise. */
const FLAGS: Readonly<Record<string, string>> = {
  publicUrl: "--public-url",
  "listen.port": "--port",
  "listen.host": "--host",
  "listen.tls": "--tls-cert/--tls-key",
  "listen.tls.cert": "--tls-cert",
  "listen.tls.key": "--tls-key",
  trustedProxies: "--trusted-proxy",
  "metrics.listen": "--metrics",
  "servers.only.upstream": "--url",
  "servers.only.env": "--env",
};

/** A setting that a message names is one of the file; here it is a flag. */
function inFlags(message: string): string {
  return message.replace(/`([\w.]+)`/g, (text, name: string) =>
    Object.hasOwn(FLAGS, name) ? `\`${FLAGS[name]}\`` : text,
  );
}

function flagOf(path: readonly PropertyKey[]): string {
  for (let length = path.length; length > 0; length--) {
    const flag = FLAGS[path.slice(0, length).join(".")];
    if (flag !== undefined) return flag;
  }
  return path.join(".");
}

function variableOf(text: string): [string, string | { env: string }] {
  const equals = text.indexOf("=");
  return equals < 0 ? [text, { env: text }] : [text.slice(0, equals), text.slice(equals + 1)];
}

function portOf(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new InvalidArgumentError("a port is a number from 0 to 65535.");
  return port;
}

function collect(value: string, earlier: readonly string[]): readonly string[] {
  return [...earlier, value];
}
