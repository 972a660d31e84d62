import { OAuthError } from "../../core/oauth-error.js";
import { randomToken } from "../../system.js";
import { AUTHORIZATION_DETAILS, readDetails } from "../details/read-details.js";
import { onlyResource } from "../grants/client-credentials.js";
import { DEVICE_CODE_GRANT } from "../grants/device-code.js";
import { readScopes } from "../grants/own-tokens.js";
import { jsonResponse, type PlainAnswer } from "../responses.js";
import type { Server } from "../server.js";
import type { FormRequest } from "../steps/authenticate-client.js";
import type { ClientRecord } from "../storage.js";
import { deviceHash, INTERVAL, userHash } from "./device-codes.js";
import type { DeviceAuthorization } from "./device-storage.js";
import { createUserCode, formatUserCode } from "./user-code.js";

const MAX_SCOPES = 100;
/** Two requests with one code among 2.5 × 10¹⁰ are rare; three in a row are a fault. */
const TRIES = 3;

/** RFC 8628 §3.1, §3.2: a device without a browser asks; what it shows leads a person here. Clients of the configuration only. */
export async function authorizeDevice(flow: FormRequest & { readonly client: ClientRecord }): Promise<PlainAnswer> {
  const { server, client, request } = flow;
  const { metadata, origin } = client;
  if (origin !== "configured" || !metadata.grant_types.includes(DEVICE_CODE_GRANT)) {
    throw new OAuthError("client_not_allowed");
  }
  const now = server.system.now();
  const wait = server.authorizations.take(server.options.remoteAddress?.(request) ?? "unknown", now);
  if (wait > 0) throw new OAuthError("too_many_requests", { retryAfter: wait });
  const asked = { server, parameters: flow.form.pick(["resource", "scope", AUTHORIZATION_DETAILS]) };
  const resource = onlyResource(asked);
  const scopes = readScopes(asked.parameters.one("scope"));
  if (scopes.length > MAX_SCOPES) throw new OAuthError("scope_malformed", { description: "Too many scopes." });
  const details = readDetails(asked, resource);
  const { deviceCode: expires_in } = server.lifetimes;
  const record: DeviceAuthorization = {
    client_id: metadata.client_id,
    resource,
    scopes,
    ...(details.length > 0 && { details }),
    created: now,
    expires: now + expires_in,
  };
  const device_code = randomToken(server.system);
  const user_code = formatUserCode(await save(server, device_code, record));
  const verification_uri = server.endpoint("/device");
  return jsonResponse({
    device_code,
    user_code,
    verification_uri,
    verification_uri_complete: `${verification_uri}?user_code=${user_code}`,
    expires_in,
    interval: INTERVAL,
  });
}

async function save(server: Server, device_code: string, record: DeviceAuthorization): Promise<string> {
  const device_hash = await deviceHash(server, device_code);
  for (let tries = 0; tries < TRIES; tries += 1) {
    const code = createUserCode(server.system);
    const hashes = { device_hash, user_hash: await userHash(server, code) };
    if (await server.options.storage.devices.save(hashes, record)) return code;
  }
  throw new Error("no user code was free");
}
