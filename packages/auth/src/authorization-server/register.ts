import type { ClientMetadata } from "../core/client-metadata.js";
import { OAuthError } from "../core/oauth-error.js";
import { type ClientMetadataRules, parseClientMetadata } from "../oauth/client-metadata.js";
import { readText } from "../oauth/parameters.js";
import { randomToken } from "../system.js";
import { registrableGrants } from "./grants/table.js";
import type { Start } from "./pipeline.js";
import { jsonResponse, type PlainAnswer } from "./responses.js";

interface Registering extends Start {
  readonly body: unknown;
}

/** So many per address and hour; the address is the listener's word, never a header's (design §5.8). */
export function limitRegistrations(flow: Start): Start {
  const { server, request } = flow;
  const address = server.options.remoteAddress?.(request) ?? "unknown";
  const wait = server.registrations.take(address, server.system.now());
  if (wait > 0) throw new OAuthError("too_many_requests", { retryAfter: wait });
  return flow;
}

export async function readRegistration(flow: Start): Promise<Registering> {
  const text = await readText(flow.request, "application/json");
  try {
    return { ...flow, body: JSON.parse(text) };
  } catch (cause) {
    throw new OAuthError("client_metadata_refused", { description: "The body is not JSON.", cause });
  }
}

/**
 * RFC 7591 §3.2.1: the answer says what was registered, which may be less than what was asked. Public clients get no secret; others one
 * of 256 bits, told once and kept as a hash. Whatever the client says of itself stays unverified (dcr-name-spoof).
 */
export async function register({ server, body }: Registering): Promise<PlainAnswer> {
  const rules: ClientMetadataRules = {
    knownSchemes: server.options.registration.knownSchemes ?? [],
    authMethods: ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"],
    defaultAuthMethod: "client_secret_basic",
    grantTypes: registrableGrants(server),
  };
  const { metadata: parsed, dropped } = parseClientMetadata(body, rules);
  const metadata: ClientMetadata = { client_id: randomToken(server.system, 16), ...parsed };
  const created = server.system.now();
  const client_secret = metadata.token_endpoint_auth_method.startsWith("client_secret_")
    ? randomToken(server.system)
    : undefined;
  await server.options.storage.clients.add({
    metadata,
    origin: "registered",
    secret_hash: client_secret === undefined ? undefined : await server.cryptography.sha256(client_secret),
    created,
    expires: created + server.lifetimes.unusedRegistration,
  });
  server.system.log("info", "client registered", { client_id: metadata.client_id, dropped });
  const secret = client_secret === undefined ? {} : { client_secret, client_secret_expires_at: 0 };
  return jsonResponse({ ...metadata, ...secret, client_id_issued_at: created }, { status: 201 });
}
