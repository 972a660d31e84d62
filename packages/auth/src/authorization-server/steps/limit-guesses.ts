import { OAuthError } from "../../core/oauth-error.js";
import type { Refuse, Start } from "../pipeline.js";
import { refuseAsJson } from "../refusals.js";

/** Codes of RFC 6749 §5.2 that a wrong secret, code or token gets. */
const GUESSES: ReadonlySet<string | undefined> = new Set(["invalid_client", "invalid_grant"]);

/**
 * Whoever guesses has to wait. By the address alone: a limit by client or by token would let anybody lock out whoever it belongs to. Where
 * the address is not known there is no limit, because there it would be everybody's.
 */
export function limitGuesses(flow: Start): Start {
  const { server, request } = flow;
  const address = server.options.remoteAddress?.(request);
  const wait = address === undefined ? 0 : server.guesses.wait(address, server.system.now());
  if (wait > 0) throw new OAuthError("too_many_requests", { retryAfter: wait });
  return flow;
}

/** Refuses as JSON, and counts what may have been a guess. */
export const refuseGuess: Refuse = (error, flow) => {
  const { server, request } = flow;
  if (error instanceof OAuthError && GUESSES.has(error.error)) {
    const address = server.options.remoteAddress?.(request);
    if (address !== undefined) server.guesses.take(address, server.system.now());
  }
  return refuseAsJson(error, flow);
};
