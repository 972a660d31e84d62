import { stripVTControlCharacters } from "node:util";
import type { ServerConfig } from "../config/schema.js";
import { CredentialError } from "../upstream/credentials/credential-error.js";
import type { UpstreamError } from "../upstream/upstream.js";

/** Why a server could not be asked at the start, for the person who starts it. */
export interface StartProblem {
  readonly problem: string;
  /** It ended: what it said last, see {@link lastWordsOf}. */
  readonly lastLines: readonly string[] | undefined;
}

/** Lines of a server that ended at its start that the operator is shown, and letters of each. */
const LINES = 8;
const LETTERS = 200;

/**
 * What a command wrote last to standard error before it ended, as a terminal may show it: without control and invisible characters, and
 * without the frames of a stack trace of Node, below which its message would be out of sight. `undefined` for what has not ended.
 */
export function lastWordsOf({ options: { lastLines } }: UpstreamError): readonly string[] | undefined {
  return lastLines
    ?.map(plain)
    .filter((line) => line.trim() !== "" && !/^\s+at /.test(line))
    .slice(-LINES)
    .map((line) => [...line].slice(0, LETTERS).join(""));
}

function plain(line: string): string {
  return stripVTControlCharacters(line).replace(/\s/g, " ").replace(/\p{C}/gu, "").trimEnd();
}

/**
 * What the operator reads about a server that does not answer at the start: with the program or host and the code of the system, which
 * callers are never told. No argument, path or credential is in it.
 */
export function startProblemOf(
  error: UpstreamError,
  server: Pick<ServerConfig, "command" | "upstream" | "credential" | "credentials">,
): string {
  if (error instanceof CredentialError) return `there is no credential for it: ${error.message}`;
  const asked = server.credential ?? server.credentials;
  if (asked !== undefined && error.options.wantsCredentials === true) {
    return "it answers nobody without a caller's credential: its tools are learned when the first caller lists them";
  }
  const code = codeOf(error.cause);
  const what = server.upstream === undefined ? server.command?.[0] : new URL(server.upstream).host;
  return code === undefined || what === undefined
    ? error.message
    : `${error.message}: ${JSON.stringify(what)} (${code})`;
}

function codeOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  return "code" in cause && typeof cause.code === "string" ? cause.code : codeOf(cause.cause);
}
