import { execFile } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "../interop/harness.js";

const LAUNCHER = join(ROOT, "packages/sallyport/bin/sallyport.js");

/** An operator's commands for one configuration file, with something on standard input. */
export function createOperator(file: string) {
  return (args: readonly string[], input = ""): Promise<{ readonly code: number; readonly said: string }> =>
    new Promise((resolve) => {
      const done = (error: { code?: unknown } | null, out: string, problem: string) =>
        resolve({ code: typeof error?.code === "number" ? error.code : 0, said: out + problem });
      const child = execFile(process.execPath, [LAUNCHER, ...args, "--config", file], done);
      child.stdin?.end(input);
    });
}
