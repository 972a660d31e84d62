import { OAuthError } from "../../core/oauth-error.js";
import { quote } from "../../core/quote.js";
import { findClient } from "../clients.js";
import type { ClientRecord } from "../storage.js";
import type { AuthorizationRequest } from "./read-authorization-request.js";

export interface Identified extends AuthorizationRequest {
  readonly client: ClientRecord;
}

/** Who asks? Until this is known nothing may be redirected anywhere, so every error here is a page (RFC 6749 §4.1.2.1). */
export async function identifyClient(flow: AuthorizationRequest): Promise<Identified> {
  const client_id = flow.parameters.one("client_id");
  if (client_id === undefined) throw new OAuthError("request_malformed", { description: "The client_id is missing." });
  const client = await findClient(flow.server, client_id);
  if (client === undefined) throw new OAuthError("client_unknown", { detail: quote(client_id) });
  return { ...flow, client };
}
