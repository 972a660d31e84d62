import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { modelFromEnvironment } from "./agent/from-environment.js";
import { planner } from "./agent/planner.js";
import { startDesk } from "./desk.js";

/*
 * npm run support-desk: everything on this machine. Settings, all optional:
 *   DESK_MODEL_URL, DESK_MODEL, DESK_MODEL_KEY   an OpenAI-compatible endpoint, its model and key; without: the fixed sentences
 *   DESK_DATABASE_URL                            a PostgreSQL of your own
 *   DESK_PORT                                    first of four ports in a row; default 4700
 *   DESK_DATA                                    where state lies; default .data beside this file's package
 */
const home = dirname(dirname(fileURLToPath(import.meta.url)));
const { DESK_DATABASE_URL, DESK_PORT, DESK_DATA } = process.env;

// PostgreSQL gives up root's rights, and must then be able to reach its folder, which lies in root's home or below it often enough.
const root = process.getuid?.() === 0;
const folder = DESK_DATA ?? (root ? join(tmpdir(), "support-desk") : join(home, ".data"));
mkdirSync(folder, { recursive: true, mode: root ? 0o755 : 0o700 });

const desk = await startDesk({
  agent: modelFromEnvironment(process.env) ?? planner,
  config: join(home, "sallyport.yaml"),
  folder,
  ...(DESK_DATABASE_URL !== undefined && { databaseUrl: DESK_DATABASE_URL }),
  ...(DESK_PORT !== undefined && { port: Number(DESK_PORT) }),
});

console.log(`
The support desk is open.

  Chat     ${desk.chatUrl}
  Gateway  ${desk.gatewayUrl}   (${desk.gatewayUrl}/account: take access back)
  Data     ${folder}

Sign in as:
${desk.people
  .map(
    ({ name, code }) =>
      `  ${name}   ${code === undefined ? "with the password or passkey set before" : `with the code ${code}, once`}`,
  )
  .join("\n")}
`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    void desk.close().then(() => process.exit(0));
  });
}
