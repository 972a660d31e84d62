import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createWitness, stateFolder, watchProgram } from "../fixtures/watched-program.js";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const LAUNCHER = join(ROOT, "packages/sallyport/bin/sallyport.js");
const START_LIMIT_MS = 15_000;

export interface ProgramOptions {
  /** What follows `protect`: `["--url", "http://…"]`, or `["--", "node", "server.js"]`. */
  readonly arguments: readonly string[];
  /** `protect` (default) or another subcommand with a listener. */
  readonly subcommand?: string;
  /** Kept over restarts when handed in; else made for this program and removed with it. */
  readonly dataDir?: string;
  /** Default 0: a free one. */
  readonly port?: number;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Program {
  readonly mcpUrl: string;
  readonly issuer: string;
  readonly dataDir: string;
  readonly process: ChildProcess;
  /** The `started` line as it came. */
  readonly report: Readonly<Record<string, unknown>>;
  /** The owner's one-time code of this start. */
  ownerCode(): string;
  /** Everything the program wrote to standard error so far. */
  log(): string;
  /**
   * SIGTERM (or the signal given); resolves with the exit code when it is gone. Rejects when a secret of its callers was found behind it, in
   * its log or in its files.
   */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts the built program, as users do, and waits for the line that says it is up. */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "sallyport-test-"));
  // A configuration file says port and folder itself.
  const own =
    options.subcommand === "serve"
      ? ["--json"]
      : ["--json", "--port", String(options.port ?? 0), "--data-dir", dataDir];
  const witness = createWitness();
  const words = [LAUNCHER, options.subcommand ?? "protect", ...own, ...options.arguments];
  const child = spawn(process.execPath, [...witness.arguments, ...words], {
    cwd: ROOT,
    env: { ...process.env, ...options.environment, ...witness.environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  const gone = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const report = await startedLine(child, () => log).catch((error: unknown) => {
    witness.remove();
    throw error;
  });
  const [server] = report.servers as readonly { readonly mcpUrl: string }[];
  if (server === undefined) throw new Error(`no server in ${JSON.stringify(report)}`);
  const watch = watchProgram({
    issuer: report.issuer as string,
    log: () => log,
    witness,
    folder: stateFolder(options.subcommand, dataDir, options.arguments),
  });
  return {
    mcpUrl: server.mcpUrl,
    issuer: report.issuer as string,
    dataDir,
    process: child,
    report,
    ownerCode: () => ownerCodeOf(report),
    log: () => log,
    stop: async (signal = "SIGTERM") => {
      child.kill(signal);
      const code = await gone;
      try {
        watch.check();
      } finally {
        if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
      }
      return code;
    },
  };
}

function startedLine(child: ChildProcess, log: () => string): Promise<Readonly<Record<string, unknown>>> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => {
      child.kill("SIGKILL");
      reject(new Error(`sallyport ${why}; its log:\n${log()}`));
    };
    const timer = setTimeout(() => fail(`did not start within ${START_LIMIT_MS} ms`), START_LIMIT_MS);
    child.once("exit", (code) => {
      clearTimeout(timer);
      fail(`stopped with exit code ${code}`);
    });
    if (child.stdout === null) return fail("has no standard output");
    createInterface(child.stdout).on("line", (line) => {
      const value = JSON.parse(line) as Record<string, unknown>;
      if (value.event !== "started") return;
      clearTimeout(timer);
      resolve(value);
    });
  });
}

function ownerCodeOf(report: Readonly<Record<string, unknown>>): string {
  if (typeof report.ownerCode === "string") return report.ownerCode;
  if (typeof report.ownerCodeFile !== "string") throw new Error(`no owner code in ${JSON.stringify(report)}`);
  return readFileSync(report.ownerCodeFile, "utf8").trim();
}
