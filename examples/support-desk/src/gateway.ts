import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const SALLYPORT = join(dirname(createRequire(import.meta.url).resolve("sallyport/package.json")), "bin/sallyport.js");

/** Secrets of the clients that `sallyport.yaml` names; made once, and kept in a file that only this user can read. */
export interface Secrets {
  readonly DESK_CHAT_SECRET: string;
  readonly DESK_SUMMARIZER_SECRET: string;
  readonly DESK_SERVER_SECRET: string;
}

export function loadSecrets(folder: string): Secrets {
  const file = join(folder, "secrets.json");
  if (existsSync(file)) return JSON.parse(readFileSync(file, "utf8")) as Secrets;
  mkdirSync(folder, { recursive: true });
  const secret = () => randomBytes(32).toString("base64url");
  const made = { DESK_CHAT_SECRET: secret(), DESK_SUMMARIZER_SECRET: secret(), DESK_SERVER_SECRET: secret() };
  writeFileSync(file, JSON.stringify(made), { mode: 0o600 });
  return made;
}

export interface Person {
  readonly name: string;
  readonly sub: string;
  /** To sign in with for the first time; `undefined` for somebody who has done so. */
  readonly code: string | undefined;
}

/** The gateway as its operator has it: the command line and a configuration file. */
export interface GatewayProcess {
  /** Adds whoever is missing. Somebody who never signed in gets a new code. */
  people(wanted: readonly { readonly name: string; readonly roles: readonly string[] }[]): Promise<readonly Person[]>;
  /** Resolves when it listens. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export function createGatewayProcess(config: string, secrets: Secrets): GatewayProcess {
  const env = { ...process.env, ...secrets };
  const ask = async (...args: string[]) =>
    (await run(process.execPath, [SALLYPORT, ...args, "--config", config], { env })).stdout;
  const list = async () => JSON.parse(await ask("user", "list", "--json")) as readonly Listed[];
  let child: ReturnType<typeof spawn> | undefined;
  return {
    async people(wanted) {
      const codes = new Map<string, string | undefined>();
      const known = await list();
      for (const { name, roles } of wanted) {
        const user = known.find((candidate) => candidate.name === name);
        if (user !== undefined && (user.password || user.passkeys > 0)) continue;
        const said =
          user === undefined
            ? await ask("user", "add", name, ...roles.flatMap((role) => ["--role", role]))
            : await ask("user", "reset", name);
        codes.set(name, /Sign-in code: (\S+)/.exec(said)?.[1]);
      }
      const all = await list();
      return wanted.flatMap(({ name }) => {
        const user = all.find((candidate) => candidate.name === name);
        return user === undefined ? [] : [{ name, sub: user.sub, code: codes.get(name) }];
      });
    },
    start: () =>
      new Promise((resolve, reject) => {
        child = spawn(process.execPath, [SALLYPORT, "serve", config, "--json"], {
          env,
          stdio: ["ignore", "pipe", "inherit"],
        });
        child.stdout?.once("data", () => resolve());
        child.once("exit", (code) => reject(new Error(`the gateway ended with exit code ${code}`)));
        child.once("error", reject);
      }),
    stop: () =>
      new Promise((resolve) => {
        if (child === undefined || child.exitCode !== null) resolve();
        else child.once("exit", () => resolve()).kill("SIGTERM");
      }),
  };
}

interface Listed {
  readonly name: string;
  readonly sub: string;
  readonly password: boolean;
  readonly passkeys: number;
}
