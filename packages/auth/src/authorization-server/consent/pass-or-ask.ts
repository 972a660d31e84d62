import { OAuthError } from "../../core/oauth-error.js";
import { describeRedirectUri } from "../../core/redirect-uri.js";
import { answerWithCode } from "./approve.js";
import { consentPage } from "./consent-page.js";
import type { Offered } from "./flow.js";
import { askedScopes } from "./offer.js";

/** Agreed before: straight on, for clients that can be told apart. Everybody else sees the page. */
export async function passOrAsk(flow: Offered): Promise<Response> {
  if (mayPass(flow)) return answerWithCode(flow, { scopes: askedScopes(flow.offer), details: flow.offer.details });
  if (flow.pending.prompt === "none") throw new OAuthError("consent_needed");
  return consentPage(flow);
}

/**
 * RFC 8252 §8.6: a client that answers on loopback or a private scheme could be any program, so a person always looks. An https client
 * may pass when this very thing was agreed to, and the person was signed in here before the request came: who has just signed in
 * has not yet seen who asked. Of a device nobody knows where it is, or who sent the code (RFC 8628 §5.4).
 */
function mayPass({ pending, offer, user }: Offered): boolean {
  const asked = offer.scopes.filter((scope) => scope.asked);
  return (
    pending.device_hash === undefined &&
    describeRedirectUri(pending.redirect_uri).kind === "https" &&
    (pending.prompt === undefined || pending.prompt === "none") &&
    user.auth_time < pending.created &&
    offer.grant !== undefined &&
    offer.withheld.length === 0 &&
    offer.withheldDetails.length === 0 &&
    asked.length + offer.details.length > 0 &&
    asked.every(({ granted }) => granted) &&
    offer.details.every(({ granted }) => granted !== undefined)
  );
}
