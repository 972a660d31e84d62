import { OAuthError } from "../../core/oauth-error.js";
import { type Parameters, parseParameters, readForm } from "../../oauth/parameters.js";
import { findClient } from "../clients.js";
import { type Start, type Visit, visitOf } from "../pipeline.js";
import type { Asked } from "./flow.js";
import { checkOrigin } from "./forgery.js";

/** The consent page is opened, mostly by sign-in coming back: `?request=…`, and `&resource=…` when the person has picked one. */
export function findRequest(flow: Start): Promise<Asked> {
  return find(visitOf(flow), parseParameters(flow.url.search.slice(1)));
}

export interface Answered extends Asked {
  readonly form: Parameters;
}

/** The consent page was sent: the same, in the body, and only from our own page. */
export async function readAnswer(flow: Start): Promise<Answered> {
  const visit = visitOf(flow);
  checkOrigin(visit.request, flow.server.origin);
  const form = await readForm(visit.request);
  return { ...(await find(visit, form)), form };
}

async function find(flow: Visit, parameters: Parameters): Promise<Asked> {
  const { storage } = flow.server.options;
  const pending = await storage.pending.find(parameters.one("request") ?? "", flow.server.system.now());
  if (pending === undefined) throw new OAuthError("consent_stale");
  // Looked up again: what the client is may have changed since it asked, or it may be gone.
  const client = await findClient(flow.server, pending.client_id);
  if (client === undefined) throw new OAuthError("client_unknown");
  return { ...flow, client, pending, chosen: parameters.one("resource") };
}
