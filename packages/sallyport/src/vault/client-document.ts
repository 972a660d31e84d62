import type { PageRow } from "../sign-in/kit.js";
import { CONNECTION_CALLBACK } from "./connection-paths.js";

/** Where our own client ID metadata document lies, below the public URL. The whole URL is our `client_id` at systems that read it. */
export const CLIENT_DOCUMENT = "/account/connections/client.json";

/** draft-ietf-oauth-client-id-metadata-document: who we are, for systems at which nobody registered us. A public client with PKCE. */
export function clientDocumentRow(publicUrl: string): PageRow {
  const { host } = new URL(publicUrl);
  const document = JSON.stringify({
    client_id: publicUrl + CLIENT_DOCUMENT,
    client_name: `Sallyport at ${host}`,
    client_uri: publicUrl,
    redirect_uris: [publicUrl + CONNECTION_CALLBACK],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
    application_type: "web",
  });
  const headers = {
    "content-type": "application/json",
    "cache-control": "public, max-age=3600",
    "x-content-type-options": "nosniff",
  };
  return { method: "GET", path: CLIENT_DOCUMENT, page: async () => new Response(document, { headers }) };
}
