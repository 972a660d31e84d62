import type { DeviceAuthorization, DevicePoll, DeviceStore } from "@sallyport/auth/authorization-server";
import type { Transaction } from "kysely";
import type { Backend } from "./backend.js";
import type { Schema } from "./schema.js";
import { fromJson } from "./values.js";

export function createDeviceStore({ db, write, writeOne }: Backend): DeviceStore {
  return {
    save: (codes, record) => write((tx) => save(tx, codes, record)),
    async find(user_hash, now) {
      const row = await db
        .selectFrom("devices")
        .select(["device_hash", "record"])
        .where("user_hash", "=", user_hash)
        .where("status", "=", "waiting")
        .where("expires", ">", now)
        .executeTakeFirst();
      return row && { device_hash: row.device_hash, record: fromJson<DeviceAuthorization>(row.record) };
    },
    async decide(device_hash, decision, now) {
      const { numUpdatedRows } = await writeOne((one) =>
        one
          .updateTable("devices")
          .set({ status: decision })
          .where("device_hash", "=", device_hash)
          .where("status", "=", "waiting")
          .where("expires", ">", now)
          .executeTakeFirst(),
      );
      return numUpdatedRows === 1n;
    },
    poll: (device_hash, now, interval) => write((tx) => poll(tx, device_hash, { now, interval })),
  };
}

async function save(
  tx: Transaction<Schema>,
  codes: { readonly device_hash: string; readonly user_hash: string },
  record: DeviceAuthorization,
): Promise<boolean> {
  const { user_hash } = codes;
  await tx.deleteFrom("devices").where("user_hash", "=", user_hash).where("expires", "<=", record.created).execute();
  const row = {
    ...codes,
    status: "waiting" as const,
    polled: null,
    poll_interval: null,
    expires: record.expires,
    record: JSON.stringify(record),
  };
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto("devices")
    .values(row)
    .onConflict((conflict) => conflict.column("user_hash").doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows === 1n;
}

async function poll(
  tx: Transaction<Schema>,
  device_hash: string,
  { now, interval: first }: { readonly now: number; readonly interval: number },
): Promise<DevicePoll | undefined> {
  const row = await tx.selectFrom("devices").selectAll().where("device_hash", "=", device_hash).executeTakeFirst();
  if (row === undefined) return undefined;
  const interval = row.poll_interval ?? first;
  const slow = row.polled !== null && now < row.polled + interval;
  const next = { polled: now, poll_interval: slow ? interval + 5 : interval };
  await tx.updateTable("devices").set(next).where("device_hash", "=", device_hash).execute();
  const { client_id } = fromJson<DeviceAuthorization>(row.record);
  return { client_id, status: row.status, slow, expires: row.expires };
}
