import { type AskedCallDetail, parseCallDetails } from "../../core/call-details.js";
import { OAuthError } from "../../core/oauth-error.js";
import type { Parameters } from "../../oauth/parameters.js";
import { findResource } from "../resources.js";
import type { Server } from "../server.js";

/** RFC 9396 §2: the parameter. */
export const AUTHORIZATION_DETAILS = "authorization_details";

/**
 * The details that a request names, each for `resource`; `[]`: none, or this server takes none. `granted`: what was given may be sent back as
 * it came. @throws OAuthError `details_refused`
 */
export function readDetails(
  { server, parameters }: { readonly server: Server; readonly parameters: Parameters },
  resource: string | undefined,
  form: "asked" | "granted" = "asked",
): readonly AskedCallDetail[] {
  const text = server.options.authorizationDetails === true ? parameters.one(AUTHORIZATION_DETAILS) : undefined;
  if (text === undefined) return [];
  const details = parseCallDetails(text, form);
  if (resource === undefined) throw refuse("Name the resource: this server has several.");
  for (const { locations } of details) {
    if (locations !== undefined && locationOf(server, locations) !== resource) {
      throw refuse("The locations of authorization_details must be the resource of the request.");
    }
  }
  return details;
}

function locationOf(server: Server, locations: readonly string[]): string | undefined {
  try {
    return findResource(server, locations);
  } catch (error) {
    if (error instanceof OAuthError) return undefined;
    throw error;
  }
}

function refuse(description: string): OAuthError {
  return new OAuthError("details_refused", { description });
}
