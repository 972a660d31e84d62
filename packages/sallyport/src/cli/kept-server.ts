import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ServerConfig } from "../config/schema.js";
import type { Sealer } from "../sealing/sealer.js";
import { CliError } from "./exit.js";
import { type Installation, protectInstallation } from "./installation.js";

/**
 * What a `protect` installation was last started with, sealed beside its store: its command line says it, and the commands for operators
 * (`sallyport tools`) have to ask the same server. Arguments and variables may hold secrets.
 */
function fileOf({ dataFolder }: Installation): string {
  return join(dataFolder, "server.sealed");
}

const placeOf = ({ name }: Installation) => `server/${name}`;

export function keepServer(installation: Installation, sealer: Sealer): void {
  const { baseFolder, servers } = installation;
  const text = JSON.stringify({ server: servers[0]?.config, workingFolder: baseFolder });
  writeFileSync(fileOf(installation), `${sealer.seal(Buffer.from(text), placeOf(installation))}\n`, { mode: 0o600 });
}

/** The installation with the server that it was last started with. @throws CliError when that was not kept. */
export function withKeptServer(installation: Installation, sealer: Sealer): Installation {
  const { server, workingFolder } = read(installation, sealer);
  const { name, dataFolder, config, operatorFlags } = installation;
  return protectInstallation({ name, dataFolder, config, server, workingFolder, operatorFlags });
}

function read(installation: Installation, sealer: Sealer): { server: ServerConfig; workingFolder: string } {
  const opened = sealer.open(readOrEmpty(fileOf(installation)).trim(), placeOf(installation));
  if (opened === undefined) {
    throw new CliError(
      `what ${JSON.stringify(installation.name)} protects was not kept: start it once more with \`sallyport protect\`, then ask again`,
    );
  }
  return JSON.parse(Buffer.from(opened).toString("utf8"));
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
