import type { ServerConfig } from "../config/schema.js";
import { CredentialError } from "../upstream/credentials/credential-error.js";
import type { UpstreamError } from "../upstream/upstream.js";

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
