import type { Principal } from "../core/principal.js";
import type { Liveness } from "./contract.js";

/**
 * The explicit way to say that nothing here knows users or sessions: tokens come from an external authorization server, live until they
 * expire, and whoever holds one may be granted any of `entitled` there. Step-up to those is offered; everything else is as if missing.
 * @param entitled default: only what the token already holds, so that there is no step-up.
 */
export function noLocalRecords(entitled?: readonly string[]): (principal: Principal, now: number) => Liveness {
  const roles: readonly string[] = [];
  const live = (scopes: readonly string[]): Liveness => ({
    status: "live",
    roles,
    entitled: scopes,
    granted: undefined,
  });
  if (entitled === undefined) return (principal) => live(principal.scopes);
  const always = live([...entitled]);
  return () => always;
}
