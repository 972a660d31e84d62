import { expandScopes } from "../../core/scope.js";
import { hierarchyOf } from "../entitled-scopes.js";
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
  const wanted = existing.length > 0 ? existing.map(({ scope }) => scope) : description.baseline;
  const possible = wanted.some((scope) => entitled.has(scope)) ? wanted : description.baseline;
  return {
    resource: description,
    grant,
    scopes: description.scopes
      .filter(({ scope }) => entitled.has(scope))
      .map(({ scope, title, description: text, tools }) => ({
        scope,
        title,
        description: text,
        tools,
        asked: possible.includes(scope),
        granted: granted.has(scope),
      })),
    withheld: existing.filter(({ scope }) => !entitled.has(scope)).map(({ title }) => title),
  };
}

/** The scopes ticked when the page opens. */
export function askedScopes(offer: Offer): readonly string[] {
  return offer.scopes.filter(({ asked }) => asked).map(({ scope }) => scope);
}
