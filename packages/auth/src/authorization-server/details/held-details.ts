import type { CallDetail } from "../../core/call-details.js";
import type { TokenRequest } from "../grants/grant-type.js";
import { narrowDetails } from "./details.js";
import { readDetails } from "./read-details.js";

/**
 * RFC 9396 §6: out of what a code or a session holds, what this request names; named nothing, all of it.
 * @throws OAuthError `details_refused`, `details_exceeded`
 */
export function heldDetails(
  request: TokenRequest,
  { resource, details = [] }: { readonly resource: string; readonly details?: readonly CallDetail[] },
): readonly CallDetail[] {
  const asked = readDetails(request, resource, "granted");
  if (asked.length === 0) return details;
  return narrowDetails({ server: request.server, resource }, asked, { scopes: [], details });
}
