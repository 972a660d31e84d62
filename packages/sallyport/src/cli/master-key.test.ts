import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { system } from "@sallyport/auth";
import { afterAll, afterEach, expect, test } from "vitest";
import { parseConfig } from "../config/load.js";
import { fileInstallation } from "./installation.js";
import { placeOfMasterKey, readMasterKey } from "./master-key.js";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "sallyport-master-key-")));
const KEYS = [1, 2].map((byte) => Buffer.alloc(32, byte));
const TEXT = KEYS.map((key) => key.toString("base64")).join("\n");
const NAME = "SALLYPORT_TEST_MASTER_KEY";
afterEach(() => {
  delete process.env[NAME];
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** `masterKey: …` of a configuration file. */
function read(source: string) {
  const file = join(folder, "sallyport.yaml");
  const servers =
    "servers: { notes: { upstream: 'http://127.0.0.1:9/mcp', access: [{ roles: [r], scopes: [mcp:read] }] } }";
  const config = parseConfig(`masterKey: ${source}\n${servers}\n`, { file, environment: {} });
  const installation = fileInstallation(file, config);
  return {
    place: placeOfMasterKey(installation),
    keys: () => readMasterKey(installation, system).map((key) => Buffer.from(key)),
  };
}

const command = (script: string, ...words: readonly string[]) =>
  JSON.stringify({ command: [process.execPath, "-e", script, ...words] });

test("the key comes from a file, which is made, from the environment, or from what a command prints", () => {
  const made = read("{ file: ./made.key }").keys();
  expect(made.map((key) => key.length)).toEqual([32]);
  expect(read("{ file: ./made.key }").keys()).toEqual(made);
  process.env[NAME] = TEXT;
  expect(read(`{ env: ${NAME} }`).keys()).toEqual(KEYS);
  expect(read(command("console.log(process.argv[1])", TEXT)).keys()).toEqual(KEYS);
});

test("the command runs where the configuration lies, with our environment and without a shell", () => {
  process.env[NAME] = TEXT;
  const script = `if (process.cwd() === ${JSON.stringify(folder)} && process.argv[1] === "$HOME;") console.log(process.env.${NAME})`;
  expect(read(command(script, "$HOME;")).keys()).toEqual(KEYS);
});

test.each([
  [
    "is not there",
    JSON.stringify({ command: ["/nowhere/kms"] }),
    "the command /nowhere/kms of masterKey gave no key: there is no such program",
  ],
  ["fails", command("console.log('canary'); process.exit(3)"), "ended with exit code 3; run it in"],
  ["is killed", command("process.kill(process.pid, 'SIGKILL')"), "ended with SIGKILL"],
  ["prints nothing", command(""), "of masterKey printed nothing: bring back the key as it was"],
  ["prints no key", command("console.log('canary')"), "of masterKey: key 1 is not base64 of exactly 32 bytes"],
])("a command that %s is named, and what it printed is not", (_, source, message) => {
  const { keys, place } = read(source);
  expect(keys).toThrow(message);
  expect(keys).not.toThrow("canary");
  expect(message.startsWith("the command") ? message : `${place} ${message}`).toContain("the command");
});

test("a variable that is empty is named", () => {
  expect(read(`{ env: ${NAME} }`).keys).toThrow(
    `the environment variable ${NAME} is not set or empty: bring back the key`,
  );
});
