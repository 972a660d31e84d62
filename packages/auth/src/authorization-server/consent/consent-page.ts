import { describeRedirectUri } from "../../core/redirect-uri.js";
import { codeOf } from "../device/enter-code.js";
import { displayName, type Html, html } from "../pages/html.js";
import { page } from "../pages/page.js";
import { formActionSource, isLocalOnly } from "./destination.js";
import { detailChoices } from "./detail-choices.js";
import { consentUrl, type Offered, type OfferedScope } from "./flow.js";
import { csrfToken } from "./forgery.js";

/** Who asks, for which server and what, and where the answer goes; a checkbox for each scope (R-80, R-81, R-142). */
export async function consentPage(flow: Offered, problem?: string): Promise<Response> {
  const { server, pending, offer } = flow;
  const possible = offer.scopes.length > 0;
  const client = clientName(flow);
  const title = possible ? `Allow ${client}?` : "You cannot allow this";
  const body = html`<p class="brand">${new URL(server.issuer).host}</p>
<h1>${heading(flow)}</h1>
${problem !== undefined && html`<div class="note bad" role="alert"><p>${problem}</p></div>`}
${facts(flow)}
${possible && (await refusalNote(flow))}
${possible ? loopbackNote(flow) : nothingNote()}
<form method="post" action="${server.path}/consent">
<input type="hidden" name="request" value="${pending.id}">
<input type="hidden" name="resource" value="${offer.resource.resource}">
<input type="hidden" name="csrf" value="${await csrfToken(flow)}">
${possible && choices(flow)}
<div class="actions">
${possible && html`<button class="primary" type="submit" name="decision" value="approve">Allow</button>`}
<button type="submit" name="decision" value="deny">${possible ? "Deny" : "Go back"}</button>
</div>
</form>
<footer><p>${closing(flow)}</p></footer>`;
  const status = problem !== undefined ? 400 : possible ? 200 : 403;
  const formAction = pending.device_hash === undefined ? [formActionSource(pending.redirect_uri)] : [];
  return page({ title, body, status, formAction });
}

function clientName({ client }: Offered): string {
  return displayName(client.metadata.client_name ?? "") || "An application without a name";
}

function heading(flow: Offered): Html {
  const { resource, scopes, grant } = flow.offer;
  if (scopes.length === 0) return html`You have no access to “${resource.name}”`;
  const what = grant === undefined ? "wants to use" : "asks again for";
  return html`<bdi>${clientName(flow)}</bdi> ${what} “${resource.name}”`;
}

/** What is known about the name the client gave itself (R-80, dcr-name-spoof). */
function identity({ client }: Offered): Html {
  if (client.origin === "document") {
    const { host } = new URL(client.metadata.client_id);
    return html`<span class="tag good">verified: ${host}</span>`;
  }
  if (client.origin === "configured") return html`<span class="tag good">set up by the operator</span>`;
  return html`<span class="tag warn">name not verified</span>`;
}

function facts(flow: Offered): Html {
  const { offer, user, server } = flow;
  const signOut = server.options.signOutUrl?.(consentUrl(flow));
  return html`<dl>
<div><dt>Application</dt><dd><bdi>${clientName(flow)}</bdi> ${identity(flow)}</dd></div>
<div><dt>Server</dt><dd>${offer.resource.name}<br><code>${offer.resource.resource}</code></dd></div>
<div><dt>Answer goes to</dt><dd>${destinationOf(flow)}</dd></div>
<div><dt>You are</dt><dd>${user.name}${signOut !== undefined && html` · <a href="${signOut}">Not you?</a>`}</dd></div>
</dl>`;
}

function destinationOf({ pending }: Offered): Html {
  const code = codeOf(pending);
  if (code !== undefined) return html`another device, which shows the code <code>${code}</code>`;
  const { kind, destination } = describeRedirectUri(pending.redirect_uri);
  return html`<code>${destination}</code>${kind === "https" ? "" : " on this computer"}`;
}

/** RFC 8628 §5.4: whoever sends somebody a code gets what they agree to. */
function deviceNote(code: string): Html {
  return html`<div class="note warn"><p><strong>Compare: your device has to show <code>${code}</code>.</strong> Go on only if you have just started this yourself, on a device that you have in front of you. Did somebody send you the code? Then they get the access: deny.</p></div>`;
}

/** RFC 8252 §8.6, R-81: a loopback or private-scheme client proves nothing about itself. */
function loopbackNote({ client, pending }: Offered): Html | undefined {
  const code = codeOf(pending);
  if (code !== undefined) return deviceNote(code);
  if (!isLocalOnly(client.metadata.redirect_uris)) return undefined;
  return html`<div class="note warn"><p><strong>Any program on this computer can ask under this name.</strong> Go on only if you have just started connecting it yourself.</p></div>`;
}

function nothingNote(): Html {
  return html`<div class="note warn"><p>You are signed in, but nobody has given you access to this server yet. Ask the person who runs it, then try again.</p></div>`;
}

/** Step-up: which call wanted more. */
async function refusalNote({ server, user, pending, offer }: Offered): Promise<Html | undefined> {
  const { resource } = offer.resource;
  const now = server.system.now();
  const refusal = await server.options.lastRefusal?.(user.sub, pending.client_id, resource, now);
  const missing = offer.scopes.filter(({ scope, granted }) => !granted && refusal?.scopes.includes(scope));
  if (refusal === undefined || missing.length === 0) return undefined;
  const titles = missing.map(({ title }) => `“${title}”`).join(", ");
  return html`<div class="note"><p><code>${displayName(refusal.tool)}</code> was refused a moment ago: it needs ${titles}.</p></div>`;
}

function choices({ offer }: Offered): Html {
  const asked = offer.scopes.filter((scope) => scope.asked);
  const others = offer.scopes.filter((scope) => !scope.asked);
  const stepUp = offer.grant !== undefined;
  return html`${
    asked.length > 0 &&
    html`<fieldset><legend>It may</legend>
${asked.map((scope) => choice(scope, stepUp))}
</fieldset>`
  }
${detailChoices(offer)}
${
  others.length > 0 &&
  html`<fieldset><legend>Not asked for, but possible</legend>
${others.map((scope) => choice(scope, stepUp))}
</fieldset>`
}
${offer.withheld.length > 0 && html`<p class="soft">It also asked for ${offer.withheld.join(", ")}, which you may not give.</p>`}`;
}

/** Scope names are identifiers of ours, but may hold any printable character: the id is their position-free hex. */
function choice({ scope, title, description, tools, expected, asked, granted }: OfferedScope, stepUp: boolean): Html {
  const id = `scope-${[...scope].map((character) => character.charCodeAt(0).toString(16)).join("")}`;
  const tag = granted ? html` <span class="tag good">already allowed</span>` : html` <span class="tag new">new</span>`;
  const box = asked
    ? html`<input type="checkbox" id="${id}" name="scope" value="${scope}" checked>`
    : html`<input type="checkbox" id="${id}" name="scope" value="${scope}">`;
  return html`<div class="choice">${box}<div><label for="${id}">${title}</label>${stepUp && asked && tag}
${description !== undefined && html`<p class="soft">${description}</p>`}
<details><summary>${expected === undefined ? countTools(tools) : "tools not known yet"} · <code>${scope}</code></summary>
${expected !== undefined && learnedLater(expected)}${tools.length > 0 && html`<ul>${tools.map((tool) => html`<li><code>${displayName(tool)}</code></li>`)}</ul>`}
</details></div></div>`;
}

/** Agreeing before anybody has seen the tools is agreeing to names: the person reads which. */
function learnedLater(expected: readonly string[]): Html {
  const names = expected.map((name, index) => html`${index > 0 && ", "}<code>${displayName(name)}</code>`);
  return html`<p class="soft">Which tools this server has becomes known when it is first used. ${expected.length > 0 && html`It may call those called ${names}.`}</p>`;
}

/** A description names "resources" and "prompts" among its tools; they are none. */
function countTools(names: readonly string[]): string {
  const besides = ["resources", "prompts"].filter((kind) => names.includes(kind));
  const count = names.length - besides.length;
  return [count === 1 ? "1 tool" : `${count === 0 ? "no" : count} tools`, ...besides].join(", ");
}

function closing({ offer }: Offered): string {
  return offer.scopes.length === 0
    ? "Nothing was granted."
    : "It acts in your name until you end it. Untick what it should not do.";
}
