import { OAuthError } from "../../core/oauth-error.js";
import { quote } from "../../core/quote.js";
import { isRegisteredRedirectUri } from "../../core/redirect-uri.js";
import type { Identified } from "./identify-client.js";

/** From here on errors may go to the client; `state` goes with them. */
export interface Redirectable extends Identified {
  readonly redirect_uri: string;
  readonly state: string | undefined;
}

/**
 * exactly one that the client registered (any port on loopback). Always required: a default would be one more thing to
 * get wrong. `state` is read here without judging it, so that every later error can carry it.
 */
export function proveRedirectUri(flow: Identified): Redirectable {
  const redirect_uri = flow.parameters.one("redirect_uri");
  if (redirect_uri === undefined) {
    throw new OAuthError("request_malformed", { description: "The redirect_uri is missing." });
  }
  if (!isRegisteredRedirectUri(flow.client.metadata.redirect_uris, redirect_uri)) {
    // Query strings are never logged.
    throw new OAuthError("redirect_uri_unregistered", { detail: quote(redirect_uri.split("?", 1)[0], 300) });
  }
  const [state, ...more] = flow.parameters.all("state");
  return { ...flow, redirect_uri, state: more.length === 0 ? state : undefined };
}
