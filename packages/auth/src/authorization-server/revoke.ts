import { OAuthError } from "../core/oauth-error.js";
import { findToken } from "./find-token.js";
import { PlainAnswer } from "./responses.js";
import type { FormRequest } from "./steps/authenticate-client.js";
import type { ClientRecord } from "./storage.js";

/**
 * RFC 7009 §2: ends the session that the token belongs to, whichever of its tokens was sent, so that the others end with it (§2.1).
 * A token that is unknown, dead or another client's is answered like one that was revoked (§2.2).
 */
export async function revoke({
  server,
  form,
  client,
}: FormRequest & { readonly client: ClientRecord }): Promise<PlainAnswer> {
  const token = form.one("token");
  if (token === undefined) throw new OAuthError("request_malformed", { description: "The token is missing." });
  const { sessions } = server.options.storage;
  const hash = await server.cryptography.sha256(token);
  const session = (await sessions.findByRefresh(hash))?.session ?? (await findToken(server, token))?.session;
  if (session?.client_id === client.metadata.client_id) {
    await sessions.revoke({ session_id: session.id }, server.system.now());
    server.system.log("info", "session revoked by its client", { session: session.id });
  }
  return new PlainAnswer(200, { "cache-control": "no-store" }, null);
}
