import { OAuthError } from "../../core/oauth-error.js";
import { randomToken } from "../../system.js";
import { mintDetail } from "../details/details.js";
import { deviceAnswered } from "../device/device-pages.js";
import { redirectToClient } from "../responses.js";
import { consentPage } from "./consent-page.js";
import type { Answered } from "./find-request.js";
import type { Offered, OfferedDetail } from "./flow.js";
import { checkCsrfToken } from "./forgery.js";

type Decided = Offered & Answered;

/** What each button of the page does. */
const DECISIONS: Readonly<Record<string, (flow: Decided) => Promise<Response>>> = { approve, deny };

/** The person has answered. */
export async function decide(flow: Decided): Promise<Response> {
  await checkCsrfToken(flow, flow.form.one("csrf"));
  const decision = flow.form.one("decision") ?? "";
  const run = Object.hasOwn(DECISIONS, decision) ? DECISIONS[decision] : undefined;
  if (run === undefined) throw new OAuthError("request_malformed", { detail: "no decision" });
  return run(flow);
}

async function approve(flow: Decided): Promise<Response> {
  const ticked = flow.form.all("scope");
  // Only what was offered to this person can be ticked, whatever the form says.
  const scopes = flow.offer.scopes.map(({ scope }) => scope).filter((scope) => ticked.includes(scope));
  const calls = flow.form.all("detail");
  const details = flow.offer.details.filter((_, index) => calls.includes(String(index)));
  if (scopes.length === 0 && details.length === 0) {
    return consentPage(flow, "Tick at least one permission, or deny the request.");
  }
  return answerWithCode(flow, { scopes, details }, () => endBrowserSession(flow));
}

async function deny(flow: Decided): Promise<Response> {
  await consumeRequest(flow);
  if (flow.pending.device_hash !== undefined) return answerDevice(flow, "denied", () => endBrowserSession(flow));
  const { redirect_uri, state } = flow.pending;
  const { error, error_description } = new OAuthError("consent_refused");
  const cookies = await endBrowserSession(flow);
  return redirectToClient(redirect_uri, { error, error_description, state, iss: flow.server.issuer }, cookies);
}

/**
 * Consumes the request, widens the grant and sends a code that stands for exactly this (RFC 6749 §4.1.2). `leave` ends the
 * browser session where that is due, and gives the cookies that say so.
 */
export async function answerWithCode(
  flow: Offered,
  given: { readonly scopes: readonly string[]; readonly details: readonly OfferedDetail[] },
  leave: () => Promise<readonly string[]> = async () => [],
): Promise<Response> {
  const { server, pending, user, offer } = flow;
  const { storage } = server.options;
  const now = server.system.now();
  if (pending.prompt !== "none") await consumeRequest(flow);
  const { device_hash } = pending;
  // One answer for one device, before anything is granted.
  const page = device_hash === undefined ? undefined : await answerDevice(flow, "approved", leave);
  const { resource } = offer.resource;
  const details = given.details.map(
    ({ asked, scopes, granted }) => granted ?? mintDetail({ server, resource }, asked, scopes),
  );
  const who = { sub: user.sub, client_id: pending.client_id, resource, scopes: given.scopes };
  const whose = { ...who, ...(details.length > 0 && { details }) };
  const grant = await storage.grants.widen({
    id: randomToken(server.system, 16),
    ...whose,
    created: now,
    updated: now,
  });
  const code = randomToken(server.system);
  await storage.codes.save(device_hash ?? (await server.cryptography.sha256(code)), {
    ...whose,
    redirect_uri: pending.redirect_uri,
    code_challenge: pending.code_challenge,
    grant_id: grant.id,
    session_id: randomToken(server.system, 16),
    dpop_jkt: pending.dpop_jkt,
    auth_time: user.auth_time,
    expires: device_hash === undefined ? now + server.lifetimes.code : pending.expires,
  });
  server.system.log("info", "consent given", { ...who, details: details.map(({ id }) => id), grant: grant.id });
  if (page !== undefined) return page;
  return redirectToClient(pending.redirect_uri, { code, state: pending.state, iss: server.issuer }, await leave());
}

/** @throws OAuthError `consent_stale` when it was answered in another window, or is over */
async function answerDevice(
  { server, pending }: Offered,
  decision: "approved" | "denied",
  leave: () => Promise<readonly string[]>,
): Promise<Response> {
  const { devices } = server.options.storage;
  const decided = await devices.decide(pending.device_hash ?? "", decision, server.system.now());
  if (!decided) throw new OAuthError("consent_stale");
  return deviceAnswered(decision === "approved", await leave());
}

/** One answer for one request: two windows, or two clicks, give one code between them. */
async function consumeRequest({ server, pending }: Offered): Promise<void> {
  const taken = await server.options.storage.pending.consume(pending.id, server.system.now());
  if (taken === undefined) throw new OAuthError("consent_stale");
}

async function endBrowserSession({ server, request }: Offered): Promise<readonly string[]> {
  return (await server.options.afterConsent?.(request)) ?? [];
}
