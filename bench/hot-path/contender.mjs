// What the benches have in common: processes of their own for what is compared, the call that is made, and small arithmetic.
import { fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { pinned } from "./load.mjs";

export const CALL = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: { name: "echo", arguments: { text: "hello" } },
});

const children = [];
process.on("exit", () => children.forEach((child) => void child.kill()));

/** Starts a file of this folder or beside it on one CPU, and waits for what it says first. */
export function start(cpu, file, argv = [], env = {}) {
  const path = new URL(file, import.meta.url).pathname;
  const [program, ...rest] = pinned(cpu, [process.execPath, "--expose-gc", path]);
  const options = { execPath: program, execArgv: rest.slice(0, -1), env: { ...process.env, ...env } };
  const child = fork(rest.at(-1), argv.map(String), options);
  children.push(child);
  return new Promise((resolve, reject) => {
    child.once("message", (said) => resolve({ ...said, child }));
    child.once("exit", (code) => reject(new Error(`${file} ended with ${code}`)));
  });
}

/** CPU seconds of a process so far; `NaN` where /proc does not tell. */
export function cpuSeconds(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return Number.NaN;
  }
}

export const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
