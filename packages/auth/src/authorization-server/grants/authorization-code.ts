import { OAuthError } from "../../core/oauth-error.js";
import { isCodeVerifier } from "../../oauth/pkce.js";
import { randomToken } from "../../system.js";
import { heldDetails } from "../details/held-details.js";
import { AUTHORIZATION_DETAILS } from "../details/read-details.js";
import { findResource } from "../resources.js";
import type { CodeRecord, Session } from "../storage.js";
import { tokenResponse } from "../tokens.js";
import { effective } from "./effective-scopes.js";
import type { GrantType, TokenRequest } from "./grant-type.js";
import { newSession } from "./new-session.js";

/** RFC 6749 §4.1.3 with RFC 7636 §4.6 and RFC 8707 §2.2. */
export const authorizationCode: GrantType = {
  name: "authorization_code",
  parameters: ["code", "redirect_uri", "code_verifier", "resource", AUTHORIZATION_DETAILS],
  async handle(request) {
    const { server, parameters, client } = request;
    const code = parameters.one("code");
    const verifier = parameters.one("code_verifier");
    if (code === undefined || verifier === undefined) {
      throw new OAuthError("request_malformed", { description: "The code or the code_verifier is missing." });
    }
    const code_hash = await server.cryptography.sha256(code);
    const record = await server.options.storage.codes.find(code_hash);
    // Everything is compared before the code is consumed: who has only the code can neither use nor burn it, nor end a session with it.
    if (record === undefined) throw new OAuthError("code_refused", { detail: "no such code" });
    await checkBinding(request, record, verifier);
    // RFC 9396 §6: the token may have fewer of them; the session keeps what was consented to.
    const details = heldDetails(request, record);
    const held = await effective(server, record, { scopes: record.scopes, details });
    const refresh_token = client.metadata.grant_types.includes("refresh_token")
      ? randomToken(server.system)
      : undefined;
    const session = newSession(request, record, refresh_token);
    await redeemOnce(request, code_hash, { session, refresh_token });
    return tokenResponse(request, session, { refresh_token, ...held });
  },
};

/** The code is for this client, this redirect URI, this resource and the holder of this verifier. */
async function checkBinding({ server, parameters, client, proof }: TokenRequest, record: CodeRecord, verifier: string) {
  const refuse = (detail: string) => new OAuthError("code_refused", { detail });
  if (record.client_id !== client.metadata.client_id) throw refuse("issued to another client");
  // OAuth 2.1 §10.2 dropped this parameter since PKCE does its work; where it is sent it has to be right.
  const redirect_uri = parameters.one("redirect_uri") ?? record.redirect_uri;
  if (redirect_uri !== record.redirect_uri) throw refuse("another redirect_uri");
  const resource = findResource(server, parameters.all("resource")) ?? record.resource;
  if (resource !== record.resource) throw new OAuthError("target_unknown", { detail: "another resource" });
  // RFC 9449 §10: the key was named when the code was asked for.
  if (record.dpop_jkt !== undefined && record.dpop_jkt !== proof?.jkt) throw refuse("another DPoP key");
  if (!(await isCodeVerifier(verifier, record.code_challenge, server.cryptography.sha256)))
    throw refuse("wrong code_verifier");
}

/** RFC 6749 §4.1.2: a code that comes a second time, from who can prove it was theirs, ends what the first time gave. */
async function redeemOnce(
  { server }: TokenRequest,
  code_hash: string,
  { session, refresh_token }: { readonly session: Session; readonly refresh_token: string | undefined },
): Promise<void> {
  const { codes, sessions } = server.options.storage;
  const now = session.created;
  const refresh_hash = refresh_token === undefined ? undefined : await server.cryptography.sha256(refresh_token);
  if ((await codes.redeem(code_hash, { session, refresh_hash, now })) === "redeemed") return;
  // Taking the code and making its session were one step: what the first time gave is there by now, and can be ended.
  const ended = await sessions.revoke({ session_id: session.id }, now);
  if (ended > 0) server.system.log("warn", "authorization code replayed", { session: session.id });
  throw new OAuthError("code_refused", { detail: "used or expired" });
}
