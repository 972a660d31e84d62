import { expect, test } from "vitest";
import type { DeviceAuthorization } from "../authorization-server/device/device-storage.js";
import { TEST_NOW as NOW, testDetail } from "./records.contract.js";
import type { Store } from "./under-test.contract.js";

const asked = (change: Partial<DeviceAuthorization> = {}): DeviceAuthorization => ({
  client_id: "tv",
  resource: "https://mcp.example/crm",
  scopes: ["mcp:read"],
  created: NOW,
  expires: NOW + 600,
  ...change,
});
const codes = (name: string) => ({ device_hash: `device ${name}`, user_hash: `user ${name}` });

export function describeDevices(store: Store): void {
  test("a request is found by its user code as it was saved, while it waits and has not expired", async () => {
    const { locations: _, scope: __, ...detail } = testDetail("a");
    const record = asked({ details: [detail] });
    expect(await store().devices.save(codes("a"), record)).toBe(true);
    expect(await store().devices.find("user a", NOW + 599)).toEqual({ device_hash: "device a", record });
    expect(await store().devices.find("user a", NOW + 600)).toBeUndefined();
    expect(await store().devices.find("device a", NOW)).toBeUndefined();
    await store().devices.decide("device a", "denied", NOW);
    expect(await store().devices.find("user a", NOW)).toBeUndefined();
  });

  test("no two that live have one user code", async () => {
    const saves = Array.from({ length: 6 }, (_, index) =>
      store().devices.save({ device_hash: `d${index}`, user_hash: "same" }, asked()),
    );
    expect((await Promise.all(saves)).filter(Boolean)).toHaveLength(1);
    const later = asked({ created: NOW + 600, expires: NOW + 1200 });
    expect(await store().devices.save({ device_hash: "later", user_hash: "same" }, later)).toBe(true);
    expect((await store().devices.find("same", NOW + 600))?.device_hash).toBe("later");
  });

  test("of several answers at once exactly one counts, and none after the end", async () => {
    await store().devices.save(codes("a"), asked());
    const answers = await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        const decision = index % 2 === 0 ? "approved" : "denied";
        return (await store().devices.decide("device a", decision, NOW)) ? decision : undefined;
      }),
    );
    const [decision, ...more] = answers.filter((each) => each !== undefined);
    expect(more).toEqual([]);
    expect((await store().devices.poll("device a", NOW, 5))?.status).toBe(decision);
    await store().devices.save(codes("b"), asked());
    expect(await store().devices.decide("device b", "approved", NOW + 600)).toBe(false);
    expect(await store().devices.decide("unknown", "approved", NOW)).toBe(false);
  });

  test("a device that does not wait is told so, and has to wait 5 s longer each time", async () => {
    await store().devices.save(codes("a"), asked());
    const slow = async (at: number) => (await store().devices.poll("device a", NOW + at, 5))?.slow;
    expect(await slow(0)).toBe(false);
    expect(await slow(5)).toBe(false);
    expect(await slow(9)).toBe(true);
    expect(await slow(18)).toBe(true);
    expect(await slow(33)).toBe(false);
    expect(await slow(47)).toBe(true);
    expect(await store().devices.poll("device a", NOW + 700, 5)).toEqual({
      client_id: "tv",
      status: "waiting",
      slow: false,
      expires: NOW + 600,
    });
    expect(await store().devices.poll("user a", NOW, 5)).toBeUndefined();
  });
}
