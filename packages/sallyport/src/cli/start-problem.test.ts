import { expect, test } from "vitest";
import { CredentialError } from "../upstream/credentials/credential-error.js";
import { UpstreamError } from "../upstream/upstream.js";
import { lastWordsOf, startProblemOf } from "./start-problem.js";

const EXCHANGE = { grant: "token-exchange", actor: "none", subject: "caller" } as const;
const failure = (code: string) => Object.assign(new Error("low level"), { code });

test.each([
  [
    "a command that is not there",
    { command: ["my-servr", "--key", "secret"] },
    new UpstreamError("exited", "the server cannot be started", { cause: failure("ENOENT") }),
    'the server cannot be started: "my-servr" (ENOENT)',
  ],
  [
    "an upstream that is down, behind another error",
    { upstream: "http://me:secret@127.0.0.1:9001/mcp" },
    new UpstreamError("unreachable", "the upstream cannot be reached", {
      cause: new Error("fetch failed", { cause: failure("ECONNREFUSED") }),
    }),
    'the upstream cannot be reached: "127.0.0.1:9001" (ECONNREFUSED)',
  ],
  [
    "a command that ended by itself",
    { command: ["node"] },
    new UpstreamError("exited", "the server ended (exit code 3)"),
    "the server ended (exit code 3)",
  ],
  [
    "an upstream that wants a caller's credential",
    { upstream: "http://127.0.0.1:9001/mcp", credential: { exchange: { api: "crm", dpop: false, ...EXCHANGE } } },
    new UpstreamError("protocol", "the upstream wants credentials (401)", { wantsCredentials: true }),
    "it answers nobody without a caller's credential: its tools are learned when the first caller lists them",
  ],
  [
    "a credential that is not issued",
    { upstream: "http://127.0.0.1:9001/mcp" },
    new CredentialError("credential_refused", 'token_refused: https://as.example: "invalid_client"'),
    'there is no credential for it: token_refused: https://as.example: "invalid_client"',
  ],
])("the operator reads of %s what to look for, and no secret", (_, server, error, text) => {
  expect(startProblemOf(error, server)).toBe(text);
});

const ended = (lastLines: readonly string[]) =>
  lastWordsOf(new UpstreamError("exited", "the server ended (exit code 1)", { lastLines }));

test("the last words of a server are its message, without the frames of the stack below it", () => {
  const lines = [
    "node:internal/modules/cjs/loader:1210",
    "  throw err;",
    "  ^",
    "",
    "Error: Cannot find module '/home/ada/nosuch.js'",
    ...Array.from({ length: 15 }, (_, line) => `    at Module._load (node:internal/modules/cjs/loader:${line}:27)`),
    "  code: 'MODULE_NOT_FOUND',",
    "  requireStack: []",
    "}",
    "Node.js v20.20.2",
  ];
  expect(ended(lines)).toEqual(lines.filter((line) => line !== "" && !line.startsWith("    at ")));
});

test.each([
  ["colours", "\u001B[31mno key\u001B[39m", "no key"],
  ["a title for the window", "\u001B]0;root\u0007no key", "no key"],
  ["carriage returns and bells", "\u0007no\rkey", "no key"],
  ["tabs", "\tno\tkey", " no key"],
  ["what turns the direction round", "no \u202Eyek\u200B", "no yek"],
  ["a line without end", "🔑".repeat(2_000), "🔑".repeat(200)],
])("the last words of a server with %s are fit for a terminal", (_, line, shown) => {
  expect(ended([line])).toEqual([shown]);
});

test("of many last words the last eight are shown; what has not ended has none", () => {
  expect(ended(Array.from({ length: 20 }, (_, line) => `line ${line}`))).toHaveLength(8);
  expect(ended([])).toEqual([]);
  expect(lastWordsOf(new UpstreamError("timeout", "the server did not answer initialize in time"))).toBeUndefined();
});
