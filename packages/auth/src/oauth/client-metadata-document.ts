import type { ClientMetadata } from "../core/client-metadata.js";
import { OAuthError } from "../core/oauth-error.js";
import { quote } from "../core/quote.js";
import { type ClientMetadataRules, parseClientMetadata } from "./client-metadata.js";
import { isJsonObject } from "./jws.js";

/*
 * OAuth Client ID Metadata Document: a client_id that is the https URL of a JSON document describing the client. Drafts -00 (which
 * MCP 2025-11-25 and 2026-07-28 point at) and -02 differ in details; what satisfies either is read, and -02's stricter rules of safety
 * hold for both.
 */

/** Port: one https document, guarded against SSRF: no special-use address before or after DNS, no redirect, at most this size and time. */
export type FetchDocument = (
  url: string,
  limits: { readonly maxBytes: number; readonly timeoutMs: number },
) => Promise<{ readonly status: number; readonly headers: Headers; readonly body: Uint8Array }>;

/** Draft-02 §6.6 recommends 5 KB. */
const DOCUMENT_LIMITS = { maxBytes: 5 * 1024, timeoutMs: 2_500 } as const;

const MAX_URL_LENGTH = 2048;

/** Whether a client_id is meant to be a document's URL; it may still be refused by {@link validateClientIdUrl}. */
export function isClientIdUrl(client_id: string): boolean {
  return /^https?:/i.test(client_id);
}

/**
 * Draft-00 §3: https, with a path, without dot segments, fragment and user information, and written the way a URL parser would
 * write it, so that comparing strings is comparing URLs. @throws OAuthError `client_document`
 */
export function validateClientIdUrl(client_id: string): URL {
  const url = URL.canParse(client_id) ? new URL(client_id) : undefined;
  const problem =
    client_id.length > MAX_URL_LENGTH || url === undefined
      ? "is not a URL"
      : (CLIENT_ID_RULES.find(({ breaks }) => breaks(url, client_id))?.why ?? undefined);
  if (url === undefined || problem !== undefined) throw refused(`The client_id ${problem}.`, client_id);
  return url;
}

const CLIENT_ID_RULES: readonly { readonly why: string; breaks(url: URL, text: string): boolean }[] = [
  { why: "must be an https URL", breaks: (url) => url.protocol !== "https:" },
  { why: "must not have user information", breaks: (url) => url.username !== "" || url.password !== "" },
  { why: "must not have a fragment", breaks: (_, text) => text.includes("#") },
  { why: "must not have dot segments", breaks: (_, text) => /(?:\/|%2f)(?:\.|%2e){1,2}(?:[/?]|%2f|$)/i.test(text) },
  { why: "must have a path", breaks: (url) => url.pathname === "/" },
  { why: "is not in its plain form", breaks: (url, text) => url.href !== text },
];

/**
 * Fetches and reads the document behind a client_id. Only 200 counts, only JSON, only a document that names itself (draft-00 §4.1,
 * Does NOT cache. @throws OAuthError `client_document`, saying which of these failed.
 */
export async function fetchClientMetadataDocument(
  client_id: string,
  fetchDocument: FetchDocument,
  rules: ClientMetadataRules,
): Promise<{ readonly metadata: ClientMetadata; readonly headers: Headers }> {
  validateClientIdUrl(client_id);
  const answer = await fetchDocument(client_id, DOCUMENT_LIMITS).catch((cause: unknown) => {
    throw refused("The client's metadata document cannot be fetched.", client_id, cause);
  });
  if (answer.status !== 200) throw refused(`The client's metadata document answers ${answer.status}.`, client_id);
  const type = (answer.headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (!/^application\/(?:[a-z0-9!#$&^_.-]+\+)?json$/.test(type)) {
    throw refused("The client's metadata document is not application/json.", client_id);
  }
  return { metadata: parseClientMetadataDocument(client_id, answer.body, rules), headers: answer.headers };
}

/** The document as metadata. @throws OAuthError `client_document` */
export function parseClientMetadataDocument(
  client_id: string,
  body: Uint8Array,
  rules: ClientMetadataRules,
): ClientMetadata {
  const value = parseJson(client_id, body);
  if (!isJsonObject(value)) throw refused("The client's metadata document is not a JSON object.", client_id);
  // simple string comparison, so that nobody can serve another client's document as their own.
  if (value.client_id !== client_id)
    throw refused("The client_id in the document is not the document's URL.", client_id);
  // a secret that is published is none.
  if ("client_secret" in value || "client_secret_expires_at" in value) {
    throw refused("The client's metadata document must not hold a client secret.", client_id);
  }
  try {
    return { client_id, ...parseClientMetadata(value, rules).metadata };
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    throw refused(`The client's metadata document cannot be used: ${error.error_description}.`, client_id, error);
  }
}

function parseJson(client_id: string, body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (cause) {
    throw refused("The client's metadata document is not JSON.", client_id, cause);
  }
}

function refused(description: string, client_id: string, cause?: unknown): OAuthError {
  return new OAuthError("client_document", { description, detail: quote(client_id), cause });
}
