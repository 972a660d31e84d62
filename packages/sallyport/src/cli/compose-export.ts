import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import type { System } from "@sallyport/auth";
import { createTarget, followExport } from "../decision-log/index.js";
import { logFolderOf } from "./compose-log.js";
import { CliError } from "./exit.js";
import type { Installation } from "./installation.js";
import { readText } from "./read-text.js";
import { readSecrets } from "./secrets.js";
import { VERSION } from "./version.js";

/** Sends the decision log to every target of the configuration, beside the calls. @throws CliError for a target that is none. */
export function composeExports(installation: Installation, system: System): { stop(): Promise<void> } {
  const folder = logFolderOf(installation);
  const { config, baseFolder, dataFolder } = installation;
  const targets = config.log.export.map(({ to, format, headers = {}, ca }, index) => {
    const setting = `log.export[${index}]`;
    try {
      const place = to.includes(":") || isAbsolute(to) ? to : join(baseFolder, to);
      const target = createTarget(place, {
        ...{ version: VERSION, host: hostname(), pid: process.pid },
        headers: readSecrets(headers, baseFolder, `${setting}.headers`),
        ...(ca !== undefined && { ca: readText(resolve(baseFolder, ca), `${setting}.ca`) }),
      });
      // By what it is and not by its place in the list: a list in another order sends nothing twice.
      const id = createHash("sha256").update(`${format} ${to}`).digest("hex").slice(0, 16);
      return { name: to, format, target, positionFile: join(dataFolder, `log-export-${id}.json`) };
    } catch (error) {
      throw error instanceof TypeError
        ? new CliError(`${setting}${error.message.startsWith("ca: ") ? "." : ".to: "}${error.message}`)
        : error;
    }
  });
  const running = targets.map((one) => followExport({ ...one, folder, version: VERSION }, system));
  return { stop: async () => void (await Promise.all(running.map((one) => one.stop()))) };
}
