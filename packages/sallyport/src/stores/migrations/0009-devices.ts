import type { Kysely } from "kysely";

/** Devices without a browser that wait for a person (RFC 8628). */
export async function up(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable("devices")
    .addColumn("device_hash", "text", (column) => column.primaryKey())
    .addColumn("user_hash", "text", (column) => column.notNull().unique())
    .addColumn("status", "text", (column) => column.notNull())
    .addColumn("polled", "bigint")
    .addColumn("poll_interval", "bigint")
    .addColumn("expires", "bigint", (column) => column.notNull())
    .addColumn("record", "text", (column) => column.notNull())
    .execute();
  await db.schema.createIndex("devices_expires").on("devices").column("expires").execute();
}
