import { OAuthError } from "../../core/oauth-error.js";
import { AUTHORIZATION_DETAILS, readDetails } from "../details/read-details.js";
import { findResource } from "../resources.js";
import type { PlainAnswer } from "../responses.js";
import type { Server } from "../server.js";
import { tokenResponse } from "../tokens.js";
import type { GrantType, TokenRequest } from "./grant-type.js";
import { openSession } from "./open-session.js";
import { grantableDetails, grantableScopes, readScopes, requireConfigured, standingGrant } from "./own-tokens.js";

/** RFC 6749 §4.4: a client for itself. No refresh token (§4.4.3): it can come again. */
export const clientCredentials: GrantType = {
  name: "client_credentials",
  parameters: ["scope", "resource", AUTHORIZATION_DETAILS],
  when: ({ options }) => options.clientCredentials === true,
  handle(request) {
    const { client_id } = requireConfigured(request.client);
    return answerForItself(request, client_id, onlyResource(request));
  },
};

/** A token that a client or a workload gets for itself: `sub` is its client_id (RFC 9068 §2.2). */
export async function answerForItself(
  request: Pick<TokenRequest, "server" | "parameters" | "proof"> & { readonly client?: TokenRequest["client"] },
  client_id: string,
  resource: string,
): Promise<PlainAnswer> {
  const { server, parameters } = request;
  const who = { sub: client_id, client_id, resource };
  const named = readScopes(parameters.one("scope"));
  const asked = readDetails(request, resource);
  // Who names single calls and no scope wants a token for these calls and no more.
  const scopes = asked.length > 0 && named.length === 0 ? [] : await grantableScopes(server, who, named);
  const details = asked.length === 0 ? [] : await grantableDetails(server, who, asked);
  const { id: grant_id } = await standingGrant(server, who, scopes);
  const held = { scopes, ...(details.length > 0 && { details }) };
  const session = await openSession(request, { grant_id, auth_time: server.system.now(), ...who, ...held });
  return tokenResponse(request, session, { refresh_token: undefined, ...held });
}

/** The resource that the request names, or the only one there is (RFC 8707 §2.2). @throws OAuthError `target_unknown` */
export function onlyResource({ server, parameters }: Pick<TokenRequest, "server" | "parameters">): string {
  return findResource(server, parameters.all("resource")) ?? theOne(server);
}

function theOne(server: Server): string {
  const [resource, ...more] = server.options.resources();
  if (resource !== undefined && more.length === 0) return resource;
  throw new OAuthError("target_unknown", { description: "Name the resource: this server has several." });
}
