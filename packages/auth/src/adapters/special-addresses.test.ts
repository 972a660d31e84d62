import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isSpecialAddress } from "./special-addresses.js";

describe("a special address (RFC 6890)", () => {
  test.each([
    ["0.0.0.0", "0.255.255.255"],
    ["10.0.0.0", "10.255.255.255"],
    ["100.64.0.0", "100.127.255.255"],
    ["127.0.0.0", "127.255.255.255"],
    ["169.254.0.0", "169.254.255.255"],
    ["172.16.0.0", "172.31.255.255"],
    ["192.0.2.0", "192.0.2.255"],
    ["192.168.0.0", "192.168.255.255"],
    ["198.18.0.0", "198.19.255.255"],
    ["203.0.113.0", "203.0.113.255"],
    ["224.0.0.0", "255.255.255.255"],
    ["::", "::1"],
    ["::7f00:1", "::a00:1"],
    ["64:ff9b::", "64:ff9b::ffff:ffff"],
    ["64:ff9b:1::", "64:ff9b:1:ffff::"],
    ["100::", "100::ffff"],
    ["2001::", "2001:1ff:ffff::"],
    ["2001:db8::", "2001:db8:ffff::"],
    ["2002::", "2002:ffff::"],
    ["3fff::", "3fff:fff::"],
    ["5f00::", "5f00:ffff::"],
    ["fc00::", "fdff:ffff::"],
    ["fe80::", "febf::"],
    ["fec0::", "feff::"],
    ["ff00::", "ff02::1"],
    ["fe80::1%eth0", "2606:4700::1%eth0"],
    ["::ffff:0:7f00:1", "4000::1"],
  ])("is %s, and %s", (first, last) => {
    expect([isSpecialAddress(first), isSpecialAddress(last)]).toEqual([true, true]);
  });

  test.each([
    "8.8.8.8",
    "93.184.216.34",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.0.1",
    "172.32.0.1",
    "2606:4700::1111",
    "2a00:1450::1",
    "::ffff:8.8.8.8",
  ])("is not %s", (address) => {
    expect(isSpecialAddress(address)).toBe(false);
  });

  test("is one in IPv6 clothes as well: mapped IPv4 is judged as IPv4", () => {
    fc.assert(fc.property(fc.ipV4(), (address) => isSpecialAddress(`::ffff:${address}`) === isSpecialAddress(address)));
  });

  test("is whatever is no address", () => {
    fc.assert(fc.property(fc.string(), (text) => isSpecialAddress(text) || /^[0-9a-f.:]+$/i.test(text)));
  });
});
