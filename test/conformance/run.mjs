// node test/conformance/run.mjs [vitest options]: the official MCP conformance suite against this project.
// Installs the pinned suite, and the Node 22 it needs, into the git-ignored tools/conformance; then every check becomes a vitest test.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const tools = join(root, "tools/conformance");

function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options });
  if (error) throw error;
  return status ?? 1;
}

function readOrEmpty(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function installSuite() {
  const installed = readOrEmpty(join(tools, "package-lock.json"));
  const wanted = readFileSync(join(here, "suite/package-lock.json"), "utf8");
  if (installed === wanted && readOrEmpty(join(tools, "node_modules/.package-lock.json")) !== "") return;
  mkdirSync(tools, { recursive: true });
  for (const file of ["package.json", "package-lock.json"]) copyFileSync(join(here, "suite", file), join(tools, file));
  const status = run("npm", ["ci", "--ignore-scripts", "--loglevel=error"], { cwd: tools });
  if (status !== 0) process.exit(status);
}

installSuite();
const reporters = ["--reporter=default", "--reporter=json", "--outputFile.json=artifacts/conformance.json"];
process.exitCode = run(process.execPath, [
  join(root, "node_modules/vitest/vitest.mjs"),
  "run",
  "--config",
  join(here, "vitest.config.ts"),
  ...reporters,
  ...process.argv.slice(2),
]);
