import type { OAuthError, OAuthErrorReason } from "../../core/oauth-error.js";
import { html } from "./html.js";
import { page } from "./page.js";

const START_AGAIN = "Go back to the application and connect again.";
const REPORT = "This is a fault of the application. Tell the people who make it what this page says.";

/** What a person can do about it. Where nothing is said here, the application is at fault. */
const REMEDIES: Partial<Readonly<Record<OAuthErrorReason, string>>> = {
  client_unknown:
    "The application remembers a registration that this server has forgotten or never had. Remove this server from the application (or sign out of it there), then add it again.",
  client_document:
    "The application's own description could not be read. Try again in a minute; if it stays, tell the people who make it.",
  client_document_refused: "Ask the person who runs this server to admit the application.",
  redirect_uri_unregistered: `The answer would have gone somewhere else than the application said when it registered. ${REPORT}`,
  consent_stale: START_AGAIN,
  consent_forged: START_AGAIN,
  consent_refused: "Ask the person who runs this server to give you access.",
  store_unavailable: "Load this page again in a moment. If it stays, tell the person who runs this server.",
  server_failure: `${START_AGAIN} If it stays, give the id to the person who runs this server.`,
};

/** An error that stays here: what is wrong, what to do, and the code under which it is documented. */
export function errorPage(error: OAuthError): Promise<Response> {
  const body = html`<h1>This cannot go on</h1>
<p>${error.error_description}</p>
<p>${REMEDIES[error.reason] ?? REPORT}</p>
<footer><p>Nothing was granted. Code: <code>${error.reason}</code></p></footer>`;
  return page({
    title: "This cannot go on",
    body,
    status: error.status,
    headers: error.retryAfter === undefined ? {} : { "retry-after": String(error.retryAfter) },
  });
}
