import { OAuthError } from "../../core/oauth-error.js";
import { parseParameters, readForm } from "../../oauth/parameters.js";
import { randomToken } from "../../system.js";
import { checkOrigin } from "../consent/forgery.js";
import { type Start, visitOf } from "../pipeline.js";
import type { PendingAuthorization } from "../storage.js";
import { userHash } from "./device-codes.js";
import { codePage } from "./device-pages.js";
import { formatUserCode, parseUserCode } from "./user-code.js";

/** RFC 8628 §3.3: the page that a device sends people to. A code in the address (§3.3.1) is put into the field, and decides nothing. */
export function showCodePage(flow: Start): Promise<Response> {
  const given = parseUserCode(parseParameters(flow.url.search.slice(1)).one("user_code") ?? "");
  return codePage(flow, { code: given === undefined ? "" : formatUserCode(given) });
}

/**
 * A person has typed a code: what the device asked for becomes a request that waits for them, and the consent page is next, always. Codes can be
 * guessed, so that each address may try a few only (§5.1), right ones counted too; nobody else has to wait because of it.
 */
export async function enterCode(flow: Start): Promise<Response> {
  const { server, request } = visitOf(flow);
  checkOrigin(request, server.origin);
  const now = server.system.now();
  const wait = server.deviceEntries.take(server.options.remoteAddress?.(request) ?? "unknown", now);
  if (wait > 0) {
    const description = "Too many codes came from this address. Wait a few minutes, then try again.";
    throw new OAuthError("too_many_requests", { retryAfter: wait, description });
  }
  const typed = (await readForm(request)).one("user_code") ?? "";
  const code = parseUserCode(typed);
  const found = code && (await server.options.storage.devices.find(await userHash(server, code), now));
  if (!code || !found) {
    return codePage(flow, {
      code: "",
      problem: "No device waits with this code. Look at the device and type the code that it shows.",
    });
  }
  const { device_hash, record } = found;
  const { client_id, resource, scopes, details } = record;
  const pending: PendingAuthorization = {
    // The page has to show the code again, and no store needs to know it: it travels in the id, of which stores keep a hash.
    id: `${randomToken(server.system)}.${formatUserCode(code)}`,
    device_hash,
    client_id,
    redirect_uri: server.endpoint("/device"),
    state: undefined,
    code_challenge: "",
    scopes,
    ...(details && { details }),
    resource,
    prompt: undefined,
    dpop_jkt: undefined,
    created: now,
    expires: record.expires,
  };
  await server.options.storage.pending.save(pending);
  const location = `${server.endpoint("/consent")}?request=${pending.id}`;
  return new Response(null, {
    status: 303,
    headers: { location, "cache-control": "no-store", "referrer-policy": "no-referrer" },
  });
}

/** The code that a person typed, where a request is a device's. */
export function codeOf({ id, device_hash }: PendingAuthorization): string | undefined {
  return device_hash === undefined ? undefined : id.slice(id.indexOf(".") + 1);
}
