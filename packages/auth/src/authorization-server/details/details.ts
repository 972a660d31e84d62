import { hasExpired, isAtMost } from "../../core/call-detail-match.js";
import { type AskedCallDetail, type CallDetail, formatToolScopes, scopeOfTool } from "../../core/call-details.js";
import { equalJson } from "../../core/json-equal.js";
import type { JsonValue } from "../../core/mcp-call.js";
import { OAuthError } from "../../core/oauth-error.js";
import { expandScopes } from "../../core/scope.js";
import { randomToken } from "../../system.js";
import type { ResourceDescription } from "../contract.js";
import { hierarchyOf } from "../entitled-scopes.js";
import type { Server } from "../server.js";

/** What somebody holds at one resource. */
export interface Held {
  readonly scopes: readonly string[];
  readonly details: readonly CallDetail[];
}

/** The least scope of each tool of a detail, in their order; `undefined` where one of them does not exist or needs more than `held`. */
export function scopesBehind(
  { tools }: AskedCallDetail,
  description: ResourceDescription,
  held: readonly string[],
): readonly string[] | undefined {
  const covered = expandScopes(hierarchyOf(description), held);
  const scopes = tools.map((tool) => description.scopes.find((scope) => scope.tools.includes(tool))?.scope);
  const known = scopes.filter((scope) => scope !== undefined && covered.has(scope));
  return known.length === tools.length ? (known as string[]) : undefined;
}

/** A detail as it is granted: with a name of its own, the scope that each tool needs now, and an end where it is for one call. */
export function mintDetail(
  { server, resource }: { readonly server: Server; readonly resource: string },
  asked: AskedCallDetail,
  scopes: readonly string[],
): CallDetail {
  const { system, lifetimes } = server;
  return {
    ...asked,
    locations: [resource],
    id: randomToken(system, 16),
    scope: formatToolScopes(scopes),
    ...(asked.once === true && { exp: system.now() + lifetimes.singleCall }),
  };
}

/**
 * What is asked for out of `held`, each part no more than one detail there, or than the scopes there permit (`description`; absent: scopes do
 * not count). Where it was one call before, it stays the same one, so that it is used up for everybody.
 * @throws OAuthError `details_exceeded`
 */
export function narrowDetails(
  place: { readonly server: Server; readonly resource: string; readonly description?: ResourceDescription },
  asked: readonly AskedCallDetail[],
  held: Held,
): readonly CallDetail[] {
  const now = place.server.system.now();
  return asked.map((detail) => {
    const fitting = held.details.filter(
      (each) => (detail.id ?? each.id) === each.id && !hasExpired(each, now) && isAtMost(detail, each),
    );
    const wide = fitting.find(({ once }) => once !== true) ?? fitting[0];
    if (wide !== undefined) return inherit(place, detail, wide);
    const scopes = place.description && detail.id === undefined && scopesBehind(detail, place.description, held.scopes);
    if (!scopes) throw new OAuthError("details_exceeded");
    return mintDetail(place, detail, scopes);
  });
}

function inherit(
  place: { readonly server: Server; readonly resource: string },
  asked: AskedCallDetail,
  wide: CallDetail,
): CallDetail {
  const { id, locations, exp } = wide;
  const scopes = asked.tools.map((tool) => scopeOfTool(wide, tool) as string);
  // A new single call out of many: it has no end yet, and must not be used up by another one.
  if (asked.once === true && wide.once !== true) return mintDetail(place, withoutId(asked), scopes);
  return { ...asked, locations, id, scope: formatToolScopes(scopes), ...(exp !== undefined && { exp }) };
}

function withoutId({ id: _, ...asked }: AskedCallDetail): AskedCallDetail {
  return asked;
}

/** Those that can still be used at all: in time, and for a tool under a scope that is still entitled to. */
export function liveDetails(
  details: readonly CallDetail[],
  entitled: ReadonlySet<string>,
  now: number,
): readonly CallDetail[] {
  return details.filter(
    (detail) => !hasExpired(detail, now) && detail.tools.some((tool) => entitled.has(scopeOfTool(detail, tool) ?? "")),
  );
}

/** The same calls, whatever they are called. */
export function isSameDetail(one: AskedCallDetail, other: AskedCallDetail): boolean {
  const core = ({ tools, arguments: exact, limits, other_arguments, once }: AskedCallDetail) =>
    JSON.parse(JSON.stringify({ tools, exact, limits, other_arguments, once })) as JsonValue;
  return equalJson(core(one), core(other));
}
