import { displayName, html } from "../pages/html.js";
import { page } from "../pages/page.js";
import type { Known, Offer } from "./flow.js";

/** Clients of 2025-03-26 name no resource: where there are several, the person picks one, and the consent page follows. */
export function resourcePage({ server, client, pending }: Known, offers: readonly Offer[]): Promise<Response> {
  const name = displayName(client.metadata.client_name ?? "") || "An application without a name";
  const body = html`<p class="brand">${new URL(server.issuer).host}</p>
<h1>Which server is <bdi>${name}</bdi> to use?</h1>
<p>It did not say. What it may do there comes next.</p>
<form method="get" action="${server.path}/consent">
<input type="hidden" name="request" value="${pending.id}">
<fieldset><legend>Server</legend>
${offers.map(
  (
    { resource },
    index,
  ) => html`<div class="choice"><input type="radio" id="resource-${index}" name="resource" value="${resource.resource}" required>
<div><label for="resource-${index}">${resource.name}</label><p class="soft"><code>${resource.resource}</code></p></div></div>`,
)}
</fieldset>
<div class="actions"><button class="primary" type="submit">Continue</button></div>
</form>`;
  return page({ title: "Which server?", body });
}
