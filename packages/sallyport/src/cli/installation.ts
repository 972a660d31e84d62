import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import type { Environment } from "../config/load.js";
import type { Config, MasterKeyConfig, ServerConfig } from "../config/schema.js";
import { NAME } from "../config/schema.js";
import { CliError } from "./exit.js";
import { titleOf } from "./server-title.js";

/** One protected server of an installation. */
export interface InstalledServer {
  /** `""` for the only server of `protect`. */
  readonly name: string;
  /** What people read: the `protect` name or the name in the file. */
  readonly title: string;
  /** Path below the public URL: `/mcp` or `/mcp/<name>`. */
  readonly path: string;
  readonly config: ServerConfig;
}

/** One world of its own: issuer, keys, users and servers. Names are separate worlds (design: names). */
export interface Installation {
  readonly name: string;
  readonly config: Config;
  /** Where relative paths of the configuration start, and where stdio servers start unless they say otherwise. */
  readonly baseFolder: string;
  /** Folder of the store, the key and the owner's code. */
  readonly dataFolder: string;
  readonly storage: string;
  readonly masterKey: MasterKeyConfig;
  readonly adminToken: { readonly file: string } | { readonly env: string };
  readonly servers: readonly InstalledServer[];
  /** `protect`: there is an owner, who is entitled to everything. */
  readonly hasOwner: boolean;
  /** Changes when what stands behind the name changes; `undefined` where that is the operator's business. */
  readonly fingerprint: string | undefined;
  /** How the operator's commands find this installation; begins with a space, or is empty. */
  readonly operatorFlags: string;
  /** Protections that the command line removed; said aloud at every start. */
  readonly dangers: readonly string[];
  /** One of those dangers: tokens may cross a network in the clear. */
  readonly plainHttp: boolean;
  /** What this start does otherwise than asked, and why. */
  readonly notices: readonly string[];
}

/** The `protect` name of those who give none. */
export const DEFAULT_NAME = "default";

/** `$XDG_DATA_HOME/sallyport` or `~/.local/share/sallyport`. */
export function defaultDataFolder(environment: Environment): string {
  const base = environment.XDG_DATA_HOME;
  return join(base !== undefined && isAbsolute(base) ? base : join(homedir(), ".local", "share"), "sallyport");
}

export function worldFolder(
  options: { readonly dataDir: string | undefined; readonly name: string },
  environment: Environment,
): string {
  if (!NAME.test(options.name)) {
    throw new CliError(`--name ${JSON.stringify(options.name)}: a name is 1 to 40 of a-z, 0-9 and -`);
  }
  return join(resolve(options.dataDir ?? defaultDataFolder(environment)), options.name);
}

/** The SQLite file; `undefined` for a database that a server has. */
export function databaseFileOf({ storage }: Pick<Installation, "storage">): string | undefined {
  return /^sqlite:(.*)$/.exec(storage)?.[1];
}

/** The world behind one `protect` name. */
export function protectInstallation(input: {
  readonly name: string;
  readonly dataFolder: string;
  readonly config: Config;
  readonly server: ServerConfig;
  readonly workingFolder: string;
  readonly operatorFlags?: string;
  readonly dangers?: readonly string[];
  readonly plainHttp?: boolean;
  readonly notices?: readonly string[];
}): Installation {
  const { name, dataFolder, config, server } = input;
  const target = server.upstream ?? JSON.stringify(server.command);
  return {
    name,
    config,
    baseFolder: input.workingFolder,
    dataFolder,
    storage: `sqlite:${join(dataFolder, "sallyport.db")}`,
    masterKey: { file: join(dataFolder, "master.key") },
    adminToken: { file: join(dataFolder, "admin.token") },
    servers: [{ name: "", title: name === DEFAULT_NAME ? titleOf(server) : name, path: "/mcp", config: server }],
    hasOwner: true,
    fingerprint: createHash("sha256").update(target).digest("base64url"),
    operatorFlags: input.operatorFlags ?? "",
    dangers: input.dangers ?? [],
    plainHttp: input.plainHttp ?? false,
    notices: input.notices ?? [],
  };
}

/** The world of one `sallyport.yaml`. Relative paths start at the file. */
export function fileInstallation(file: string, config: Config): Installation {
  const baseFolder = resolve(file, "..");
  const at = (path: string) => (isAbsolute(path) ? path : join(baseFolder, path));
  const storage = config.storage.startsWith("sqlite:")
    ? `sqlite:${at(config.storage.slice("sqlite:".length))}`
    : config.storage;
  return {
    name: "serve",
    config,
    baseFolder,
    dataFolder: storage.startsWith("sqlite:") ? resolve(storage.slice("sqlite:".length), "..") : baseFolder,
    storage,
    masterKey: "file" in config.masterKey ? { file: at(config.masterKey.file) } : config.masterKey,
    adminToken: "file" in config.admin.token ? { file: at(config.admin.token.file) } : config.admin.token,
    servers: Object.entries(config.servers).map(([name, server]) => ({
      name,
      title: name,
      path: `/mcp/${name}`,
      config: server,
    })),
    hasOwner: false,
    fingerprint: undefined,
    operatorFlags: ` --config ${file}`,
    dangers: [],
    plainHttp: false,
    notices: [],
  };
}
