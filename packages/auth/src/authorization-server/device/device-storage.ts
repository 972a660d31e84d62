import type { AskedCallDetail } from "../../core/call-details.js";

/** What a device asked for, and waits for (RFC 8628 §3.1). */
export interface DeviceAuthorization {
  readonly client_id: string;
  readonly resource: string;
  readonly scopes: readonly string[];
  /** As in an authorization request; absent: none. */
  readonly details?: readonly AskedCallDetail[];
  readonly created: number;
  readonly expires: number;
}

/** How one question of a device is answered. `slow`: it came before its interval was over, which is 5 s longer from now on. */
export interface DevicePoll {
  readonly client_id: string;
  readonly status: "waiting" | "approved" | "denied";
  readonly slow: boolean;
  readonly expires: number;
}

/** Hashes are of the codes. What an approved device may have is a code of {@link CodeStore} under `device_hash`, which is redeemed once. */
export interface DeviceStore {
  /** `false`, and nothing kept, while another request that has not expired has this user code. */
  save(
    codes: { readonly device_hash: string; readonly user_hash: string },
    record: DeviceAuthorization,
  ): Promise<boolean>;
  /** Only while it waits for a person. */
  find(
    user_hash: string,
    now: number,
  ): Promise<{ readonly device_hash: string; readonly record: DeviceAuthorization } | undefined>;
  /** `true` for exactly one caller ever, and only before it expires. */
  decide(device_hash: string, decision: "approved" | "denied", now: number): Promise<boolean>;
  /** Looks, and counts the look; one atomic step. `interval`: seconds of the first interval. Expired ones are found for an hour. */
  poll(device_hash: string, now: number, interval: number): Promise<DevicePoll | undefined>;
}
