import { isJsonObject, type JsonObject, MODERN, type Refusal, type Revision } from "@sallyport/auth";
import { CREDENTIAL_ERRORS, type CredentialError } from "../upstream/credentials/credential-error.js";
import type { JsonRpcId } from "./failures.js";

/** JSON-RPC code of URLElicitationRequiredError in 2025-11-25. */
const URL_ELICITATION_REQUIRED = -32042;
const URL_ELICITATION_SINCE: Revision = "2025-11-25";
const CAPABILITIES = "io.modelcontextprotocol/clientCapabilities";
const KEY = "sallyport_connect";

/** The one request that is being answered. */
export interface AskedOnce {
  readonly id: JsonRpcId;
  readonly revision: Revision;
  readonly params: JsonObject | undefined;
  /** Random and unguessable, for revisions that name elicitations. */
  elicitationId(): string;
}

/**
 * A call that needs the person's own account elsewhere, or a new sign-in, answered so that the client can lead them there (R-44…R-46): the URL is a page of
 * ours that holds no token and is good only for whoever signs in there as the same person.
 *
 * | revision | answer |
 * |---|---|
 * | 2026-07-28, and the client says that it takes URL elicitation | 200, a result `input_required` with one URL elicitation; the client sends the call again |
 * | 2025-11-25 | 200, error -32042 with the elicitation in `data`; its text holds the address, for clients that do not know the code |
 * | otherwise | `undefined`: the plain error, whose `data.connectUrl` is the address |
 */
export function connectAnswer(error: CredentialError, asked: AskedOnce): Refusal | undefined {
  const { connectUrl, connection, why } = error.data;
  if (typeof connectUrl !== "string") return undefined;
  const { text } = CREDENTIAL_ERRORS[error.reason];
  const elicitation = { mode: "url", message: text, url: connectUrl };
  if (asked.revision === MODERN) {
    if (!takesUrls(asked.params)) return undefined;
    const inputRequests = { [KEY]: { method: "elicitation/create", params: elicitation } };
    return answer(asked.id, { result: { resultType: "input_required", inputRequests } }, error);
  }
  if (asked.revision !== URL_ELICITATION_SINCE) return undefined;
  const elicitations = [{ ...elicitation, elicitationId: asked.elicitationId() }];
  const data = { elicitations, reason: error.reason, connectUrl, connection, why };
  const message = `${text} ${connectUrl}`;
  return answer(asked.id, { error: { code: URL_ELICITATION_REQUIRED, message, data } }, error);
}

/** 2026-07-28: what a client can do is said in every request; nothing said is nothing. */
function takesUrls(params: JsonObject | undefined): boolean {
  const meta = params?._meta;
  const capabilities = isJsonObject(meta) ? meta[CAPABILITIES] : undefined;
  const elicitation = isJsonObject(capabilities) ? capabilities.elicitation : undefined;
  return isJsonObject(elicitation) && isJsonObject(elicitation.url);
}

function answer(
  id: JsonRpcId,
  outcome: JsonObject | { readonly [member: string]: unknown },
  error: CredentialError,
): Refusal {
  return {
    status: 200,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
    body: JSON.stringify({ jsonrpc: "2.0", id, ...outcome }),
    reason: `${error.reason}: ${error.message}`,
  };
}
