import { OAuthError, type OAuthErrorReason } from "../../core/oauth-error.js";
import { randomToken } from "../../system.js";
import { heldDetails } from "../details/held-details.js";
import { AUTHORIZATION_DETAILS } from "../details/read-details.js";
import { deviceHash, INTERVAL } from "../device/device-codes.js";
import type { DevicePoll } from "../device/device-storage.js";
import { findResource } from "../resources.js";
import { tokenResponse } from "../tokens.js";
import { effective } from "./effective-scopes.js";
import type { GrantType } from "./grant-type.js";
import { newSession } from "./new-session.js";

export const DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";

/** RFC 8628 §3.4, §3.5: a device asks again and again whether somebody has agreed; the first answer that says so is the only one. */
export const deviceCode: GrantType = {
  name: DEVICE_CODE_GRANT,
  parameters: ["device_code", "resource", AUTHORIZATION_DETAILS],
  when: ({ options }) => options.deviceGrant === true,
  async handle(request) {
    const { server, parameters, client } = request;
    const device_code = parameters.one("device_code");
    if (device_code === undefined) {
      throw new OAuthError("request_malformed", { description: "The device_code is missing." });
    }
    const { devices, codes } = server.options.storage;
    const now = server.system.now();
    const device_hash = await deviceHash(server, device_code);
    const polled = await devices.poll(device_hash, now, INTERVAL);
    if (polled?.client_id !== client.metadata.client_id)
      throw new OAuthError("code_refused", { detail: "no such device" });
    const refusal = refusalOf(polled, now);
    if (refusal !== undefined) throw new OAuthError(refusal);
    const record = await codes.find(device_hash);
    // Between the decision and the code lies a moment.
    if (record === undefined) throw new OAuthError("device_waiting");
    const resource = findResource(server, parameters.all("resource")) ?? record.resource;
    if (resource !== record.resource) throw new OAuthError("target_unknown", { detail: "another resource" });
    const held = await effective(server, record, { scopes: record.scopes, details: heldDetails(request, record) });
    const refreshes = client.metadata.grant_types.includes("refresh_token");
    const refresh_token = refreshes ? randomToken(server.system) : undefined;
    const session = newSession(request, record, refresh_token);
    const refresh_hash = refresh_token === undefined ? undefined : await server.cryptography.sha256(refresh_token);
    if ((await codes.redeem(device_hash, { session, refresh_hash, now })) !== "redeemed") {
      throw new OAuthError("code_refused", { detail: "used or expired" });
    }
    return tokenResponse(request, session, { refresh_token, ...held });
  },
};

function refusalOf({ status, slow, expires }: DevicePoll, now: number): OAuthErrorReason | undefined {
  if (status === "denied") return "device_refused";
  if (now >= expires) return "device_expired";
  if (status === "approved") return undefined;
  return slow ? "device_hurried" : "device_waiting";
}
