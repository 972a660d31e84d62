import { OAuthError } from "../core/oauth-error.js";
import { randomToken } from "../system.js";
import { errorPage } from "./pages/error-page.js";
import type { Start } from "./pipeline.js";
import { jsonResponse, type PlainAnswer, redirectToClient } from "./responses.js";
import type { ClientRecord } from "./storage.js";

/** A flow whose client and redirect URI are proven: errors may go there now. */
interface Redirectable extends Start {
  readonly redirect_uri?: string;
  readonly state?: string | undefined;
}

/** Whatever was thrown, as an error that the wire may see. What is not ours is logged under an id, and only the id is told. */
function toOAuthError(error: unknown, flow: Start): OAuthError {
  const { server, url } = flow;
  const { log } = server.system;
  if (error instanceof OAuthError) {
    const cause = error.cause instanceof Error ? error.cause.message : undefined;
    const { reason, message: detail } = error;
    log("info", "authorization server refused", {
      path: url.pathname,
      client_id: provenClient(flow),
      reason,
      detail,
      cause,
    });
    return error;
  }
  const id = randomToken(server.system, 9);
  const detail = error instanceof Error ? (error.stack ?? error.message) : "a thrown value that is no error";
  log("error", "authorization server failed", { path: url.pathname, id, detail });
  return new OAuthError("server_failure", {
    description: `The server failed to answer. The id is ${id}.`,
    cause: error,
  });
}

/** Who asked, once a step has found out: a detail alone does not say to an operator whose setting it is about. */
function provenClient({ client }: Start & { readonly client?: ClientRecord }): string | undefined {
  return client?.metadata.client_id;
}

/** RFC 6749 §5.2. */
export function refuseAsJson(error: unknown, flow: Start): PlainAnswer {
  const refused = toOAuthError(error, flow);
  const ofProof = refused.reason === "dpop_proof" || refused.reason === "dpop_nonce";
  const headers: Record<string, string> = {};
  // RFC 6749 §5.2, RFC 9110 §15.5.2: a 401 says which scheme works.
  if (refused.status === 401 && !ofProof) headers["www-authenticate"] = 'Basic realm="token endpoint"';
  const { nonces } = flow.server.options.dpop ?? {};
  if (ofProof && nonces !== undefined) headers["dpop-nonce"] = nonces.current(flow.server.system.now());
  if (refused.retryAfter !== undefined) headers["retry-after"] = String(refused.retryAfter);
  const body = { error: refused.error ?? "invalid_request", error_description: formatDescription(refused) };
  // RFC 9449 §5, §8: here a bad proof is a bad request, and no authentication that failed.
  return jsonResponse(body, { status: ofProof ? 400 : refused.status, headers });
}

/** What a person has to read, because there is nowhere safe to send it (RFC 6749 §4.1.2.1). */
export function refuseAsPage(error: unknown, flow: Start): Promise<Response> {
  return errorPage(toOAuthError(error, flow));
}

/**
 * To the client, with `iss` (RFC 9207 §2) and `state`, once a step has proven its redirect URI; before that a page. What a step found out
 * is in the flow only when the step succeeded, so nothing can be sent to a URI that was refused.
 */
export async function refuseByRedirect(error: unknown, flow: Redirectable): Promise<Response> {
  const refused = toOAuthError(error, flow);
  const { redirect_uri, state, server } = flow;
  if (redirect_uri === undefined) return errorPage(refused);
  return redirectToClient(redirect_uri, {
    error: refused.error,
    error_description: formatDescription(refused),
    state,
    iss: server.issuer,
  });
}

/** RFC 6749 §5.2: `error_description` holds %x20-21 / %x23-5B / %x5D-7E, that is neither quotes, backslashes nor anything beyond ASCII. */
function formatDescription(error: OAuthError): string {
  return error.error_description.replaceAll('"', "'").replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, "?");
}
