import { type AskedCallDetail, type CallDetail, formatToolScopes } from "../../core/call-details.js";
import { expandScopes } from "../../core/scope.js";
import { isSameDetail, scopesBehind } from "../details/details.js";
import { hierarchyOf } from "../entitled-scopes.js";
import type { Grant } from "../storage.js";
import type { Known, Offer } from "./flow.js";

/** `undefined`: there is no such resource any more. An offer without scopes: this person may grant nothing there. */
export async function createOffer(flow: Known, resource: string): Promise<Offer | undefined> {
  const { options } = flow.server;
  const description = await options.describeResource(resource);
  if (description === undefined) return undefined;
  const { sub } = flow.user;
  const { client_id } = flow.pending;
  const [entitlement, grant] = await Promise.all([
    options.mayBeGranted(sub, client_id, resource),
    options.storage.grants.find(sub, client_id, resource),
  ]);
  const hierarchy = hierarchyOf(description);
  const entitled = expandScopes(hierarchy, entitlement);
  const granted = expandScopes(hierarchy, grant?.scopes ?? []);
  const existing = description.scopes.filter(({ scope }) => flow.pending.scopes.includes(scope));
  const { details: asked = [] } = flow.pending;
  const wanted = existing.map(({ scope }) => scope);
  // Who asks for single calls and for no scope means just these calls.
  const possible = asked.length > 0 || wanted.some((scope) => entitled.has(scope)) ? wanted : description.baseline;
  const details = asked.map((detail) => ({ asked: detail, scopes: scopesBehind(detail, description, entitlement) }));
  return {
    resource: description,
    grant,
    scopes: description.scopes
      .filter(({ scope }) => entitled.has(scope))
      .map(({ scope, title, description: text, tools, expected }) => ({
        scope,
        title,
        description: text,
        tools,
        ...(expected !== undefined && { expected }),
        asked: possible.includes(scope),
        granted: granted.has(scope),
      })),
    details: details.flatMap(({ asked: detail, scopes }) =>
      scopes === undefined ? [] : [{ asked: detail, scopes, granted: grantedBefore(detail, scopes, grant) }],
    ),
    withheldDetails: details.filter(({ scopes }) => scopes === undefined).map(({ asked: detail }) => detail),
    withheld: existing.filter(({ scope }) => !entitled.has(scope)).map(({ title }) => title),
  };
}

function grantedBefore(
  asked: AskedCallDetail,
  scopes: readonly string[],
  grant: Grant | undefined,
): CallDetail | undefined {
  if (asked.once === true) return undefined;
  return grant?.details?.find((detail) => isSameDetail(detail, asked) && detail.scope === formatToolScopes(scopes));
}

/** The scopes ticked when the page opens. */
export function askedScopes(offer: Offer): readonly string[] {
  return offer.scopes.filter(({ asked }) => asked).map(({ scope }) => scope);
}
