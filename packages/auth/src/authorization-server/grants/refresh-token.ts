import { OAuthError } from "../../core/oauth-error.js";
import { expandScopes, parseScope } from "../../core/scope.js";
import { randomToken } from "../../system.js";
import { heldDetails } from "../details/held-details.js";
import { AUTHORIZATION_DETAILS } from "../details/read-details.js";
import { findResource } from "../resources.js";
import { openSuccessor, sealSuccessor } from "../seal.js";
import type { Session } from "../storage.js";
import { tokenResponse } from "../tokens.js";
import { effective, scopesOf } from "./effective-scopes.js";
import type { GrantType, TokenRequest } from "./grant-type.js";

/**
 * RFC 6749 §6 with rotation (RFC 9700 §4.14.2, R-71). What a request may ask is checked before the token is rotated, so that a mistake
 * costs nothing. Narrowing concerns the access token alone; the new refresh token keeps the session's scope.
 */
export const refreshToken: GrantType = {
  name: "refresh_token",
  parameters: ["refresh_token", "scope", "resource", AUTHORIZATION_DETAILS],
  async handle(request) {
    const { server, parameters, client } = request;
    const presented = parameters.one("refresh_token");
    if (presented === undefined) {
      throw new OAuthError("request_malformed", { description: "The refresh_token is missing." });
    }
    const presented_hash = await server.cryptography.sha256(presented);
    const found = await server.options.storage.sessions.findByRefresh(presented_hash);
    if (found?.session.client_id !== client.metadata.client_id) throw new OAuthError("refresh_token_refused");
    const { dpop_jkt } = found.session;
    if (dpop_jkt !== undefined && dpop_jkt !== request.proof?.jkt) {
      throw new OAuthError("refresh_token_refused", { detail: "bound to a DPoP key that was not proven" });
    }
    const resource = findResource(server, parameters.all("resource")) ?? found.session.resource;
    if (resource !== found.session.resource) throw new OAuthError("target_unknown", { detail: "another resource" });
    await requireGrant(request, found.session);
    const wanted = await readScope(request, found.session);
    await requireUse(request, found);
    const details = heldDetails(request, found.session);
    const held = await effective(server, found.session, { scopes: wanted, details });
    const { session, refresh_token } = await rotate(request, presented, { presented_hash, dpop_jkt });
    return tokenResponse(request, session, { refresh_token, ...held });
  },
};

/** A cut-off by time can end a grant while a younger session under it stands: without what was consented to nothing is renewed. */
async function requireGrant({ server }: TokenRequest, { sub, client_id, resource, grant_id }: Session): Promise<void> {
  const grant = await server.options.storage.grants.find(sub, client_id, resource);
  if (grant?.id !== grant_id) throw new OAuthError("session_ended", { detail: "the grant was revoked" });
}

/**
 * Clients on the TypeScript SDK 1.x answer `insufficient_scope` by refreshing, retry with what cannot be wider, and give up. An error code
 * that they do not know makes them ask for authorization instead, with the scope of the challenge, and they keep their tokens meanwhile;
 * `invalid_grant` would make them drop these. Whoever narrows, proves a key, or has nothing left to call with did not refresh for that.
 */
async function requireUse(
  { server, parameters }: TokenRequest,
  { session, current }: { readonly session: Session; readonly current: boolean },
): Promise<void> {
  const now = server.system.now();
  const isExpired = session.last_used + server.lifetimes.accessToken <= now;
  if (!current || isExpired || session.dpop_jkt !== undefined || parameters.one("scope") !== undefined) return;
  if (await server.options.takeRefusal?.(session.id, now)) throw new OAuthError("step_up_needed");
}

/** RFC 6749 §6: nothing that was not granted. @throws OAuthError `scope_exceeded` */
async function readScope({ server, parameters }: TokenRequest, session: Session): Promise<readonly string[]> {
  const asked = parseScope(parameters.one("scope")?.trim() ?? "").filter((scope) => scope !== "offline_access");
  if (asked.length === 0) return session.scopes;
  const granted = expandScopes(await scopesOf(server, session.resource), session.scopes);
  if (!asked.every((scope) => granted.has(scope))) throw new OAuthError("scope_exceeded");
  return asked;
}

/** Design §5.3: one rotation; the predecessor yields the same successor for a moment; after that it ends the session. */
async function rotate(
  { server, client }: TokenRequest,
  presented: string,
  bound: { readonly presented_hash: string; readonly dpop_jkt: string | undefined },
) {
  const { system, lifetimes } = server;
  const successor = randomToken(system);
  const result = await server.options.storage.sessions.rotate({
    client_id: client.metadata.client_id,
    successor_hash: await server.cryptography.sha256(successor),
    sealed_successor: await sealSuccessor(server, presented, successor),
    now: system.now(),
    grace: lifetimes.refreshGrace,
    idle_lifetime: lifetimes.sessionIdle,
    ...bound,
  });
  switch (result.status) {
    case "rotated":
      return { session: result.session, refresh_token: successor };
    case "repeated":
      return {
        session: result.session,
        refresh_token: await openSuccessor(server, presented, result.sealed_successor),
      };
    case "reused":
      system.log("warn", "refresh token reused, session ended", { session: result.session.id });
      throw new OAuthError("session_ended", { detail: "refresh token reused" });
    case "ended":
      throw new OAuthError("session_ended");
    case "unknown":
      throw new OAuthError("refresh_token_refused");
  }
}
