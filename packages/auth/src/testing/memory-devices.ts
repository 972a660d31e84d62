import type { DeviceAuthorization, DevicePoll, DeviceStore } from "../authorization-server/device/device-storage.js";

interface Waiting {
  readonly user_hash: string;
  readonly record: DeviceAuthorization;
  status: DevicePoll["status"];
  polled: number | undefined;
  interval: number | undefined;
}

const HOUR = 3_600;

/** The devices of {@link createMemoryStorage}. */
export function createMemoryDevices(): DeviceStore {
  const waiting = new Map<string, Waiting>();
  const live = ({ record }: Waiting, now: number) => now < record.expires;
  return {
    async save({ device_hash, user_hash }, record) {
      for (const [hash, { record: old }] of waiting) if (old.expires + HOUR <= record.created) waiting.delete(hash);
      const taken = [...waiting.values()].some((each) => each.user_hash === user_hash && live(each, record.created));
      if (!taken)
        waiting.set(device_hash, { user_hash, record, status: "waiting", polled: undefined, interval: undefined });
      return !taken;
    },
    async find(user_hash, now) {
      const found = [...waiting].find(
        ([, each]) => each.user_hash === user_hash && each.status === "waiting" && live(each, now),
      );
      return found && { device_hash: found[0], record: found[1].record };
    },
    async decide(device_hash, decision, now) {
      const each = waiting.get(device_hash);
      if (each?.status !== "waiting" || !live(each, now)) return false;
      each.status = decision;
      return true;
    },
    async poll(device_hash, now, first) {
      const each = waiting.get(device_hash);
      if (each === undefined) return undefined;
      const interval = each.interval ?? first;
      const slow = each.polled !== undefined && now < each.polled + interval;
      each.polled = now;
      each.interval = slow ? interval + 5 : interval;
      const { client_id, expires } = each.record;
      return { client_id, status: each.status, slow, expires };
    },
  };
}
