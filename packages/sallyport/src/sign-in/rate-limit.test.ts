import { describe, expect, it } from "vitest";
import { addressKey, createRateLimit } from "./rate-limit.js";

const LIMITS = {
  name: { points: 2, duration: 60 },
  address: { points: 3, duration: 60 },
  page: { points: 1, duration: 60 },
};

describe("the rate limit", () => {
  it("takes as many tries as the window has, then says how long to wait", async () => {
    const limit = createRateLimit(LIMITS);
    await limit.count("name", "alice");
    await limit.count("name", "alice");
    await expect(limit.count("name", "alice")).rejects.toMatchObject({ status: 429, retryAfter: 60 });
    await limit.count("name", "bob");
    await limit.count("address", "alice");
  });

  it("forgets the tries of a name that succeeded, and gives one back to an address", async () => {
    const limit = createRateLimit(LIMITS);
    await limit.count("name", "alice");
    await limit.forget("name", "alice");
    for (let count = 0; count < 2; count++) await limit.count("name", "alice");
    for (let count = 0; count < 6; count++) {
      await limit.count("address", "192.0.2.1");
      await limit.refund("address", "192.0.2.1");
    }
  });

  it.each([
    ["192.0.2.7", "192.0.2.7"],
    ["::ffff:192.0.2.7", "192.0.2.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:db8:1:2::9", "2001:db8:1:2"],
    ["2001:DB8:0001:2:ffff::", "2001:db8:1:2"],
    ["::1", "0:0:0:0"],
    ["fe80::1%eth0", "fe80:0:0:0"],
    ["2001:db8::", "2001:db8:0:0"],
    [undefined, "unknown"],
  ])("counts %s as %s: one person has a whole IPv6 /64", (address, key) => expect(addressKey(address)).toBe(key));
});
