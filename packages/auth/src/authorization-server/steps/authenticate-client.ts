import { OAuthError } from "../../core/oauth-error.js";
import { quote } from "../../core/quote.js";
import { parseClientCredentials } from "../../oauth/client-authentication.js";
import { type Parameters, readForm, refuseRepeated } from "../../oauth/parameters.js";
import { findClient } from "../clients.js";
import type { Start } from "../pipeline.js";
import { proveClient } from "../prove-client.js";
import type { ClientRecord } from "../storage.js";

export interface FormRequest extends Start {
  readonly form: Parameters;
}

/** A POST whose body is form-encoded; only `resource` may come twice, and is refused later by its own code. */
export async function readFormBody(flow: Start): Promise<FormRequest> {
  const form = await readForm(flow.request);
  refuseRepeated(form, ["resource"]);
  return { form, ...flow };
}

/** RFC 6749 §3.2.1: by exactly the method that the client registered. An unknown client and a wrong secret look the same. */
export async function authenticateClient<Flow extends FormRequest>(
  flow: Flow,
): Promise<Flow & { client: ClientRecord }> {
  const credentials = parseClientCredentials(flow.request.headers.get("authorization"), flow.form);
  const client = await findClient(flow.server, credentials.client_id);
  if (client === undefined || !(await proveClient(flow.server, client, credentials))) {
    throw new OAuthError("client_authentication", { detail: quote(credentials.client_id) });
  }
  return { client, ...flow };
}
