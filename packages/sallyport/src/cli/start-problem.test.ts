import { expect, test } from "vitest";
import { CredentialError } from "../upstream/credentials/credential-error.js";
import { UpstreamError } from "../upstream/upstream.js";
import { startProblemOf } from "./start-problem.js";

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
