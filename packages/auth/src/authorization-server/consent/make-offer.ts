import { OAuthError } from "../../core/oauth-error.js";
import type { Known, Offer, Offered } from "./flow.js";
import { createOffer } from "./offer.js";
import { resourcePage } from "./resource-page.js";

/** What may be granted, and where: the resource asked for, else the one picked, else the only possible one, else the person picks. */
export async function makeOffer<Flow extends Known>(flow: Flow): Promise<(Flow & Offered) | Response> {
  const resource = flow.pending.resource ?? flow.chosen;
  if (resource !== undefined) {
    const known = flow.server.options.resources().includes(resource);
    const offer = known ? await createOffer(flow, resource) : undefined;
    if (offer === undefined) throw new OAuthError("target_unknown");
    return { ...flow, offer };
  }
  if (flow.pending.prompt === "none") throw new OAuthError("consent_needed");
  const offers = await Promise.all(flow.server.options.resources().map((each) => createOffer(flow, each)));
  const existing = offers.filter((offer): offer is Offer => offer !== undefined);
  const possible = existing.filter(({ scopes }) => scopes.length > 0);
  const [only, ...others] = possible.length > 0 ? possible : existing.slice(0, 1);
  if (only === undefined) throw new OAuthError("target_unknown");
  return others.length === 0 ? { ...flow, offer: only } : resourcePage(flow, possible);
}
