import { BlockList, isIPv4, isIPv6 } from "node:net";

/** IANA special-purpose registries (RFC 6890): not one of these is a public web server. */
const SPECIAL_IPV4 = [
  "0.0.0.0/8", // this network
  "10.0.0.0/8", // private, RFC 1918
  "100.64.0.0/10", // shared address space of carrier NAT, RFC 6598
  "127.0.0.0/8", // loopback
  "169.254.0.0/16", // link-local, and the clouds' metadata services
  "172.16.0.0/12", // private
  "192.0.0.0/24", // protocol assignments
  "192.0.2.0/24", // documentation, RFC 5737
  "192.31.196.0/24", // AS112, RFC 7535
  "192.52.193.0/24", // AMT, RFC 7450
  "192.88.99.0/24", // 6to4 relays, RFC 7526
  "192.168.0.0/16", // private
  "192.175.48.0/24", // AS112
  "198.18.0.0/15", // benchmarks, RFC 2544
  "198.51.100.0/24", // documentation
  "203.0.113.0/24", // documentation
  "224.0.0.0/4", // multicast
  "240.0.0.0/4", // reserved, and broadcast
] as const;

const SPECIAL_IPV6 = [
  "::/96", // unspecified, loopback, and the old IPv4-compatible form
  "::ffff:0:0:0/96", // IPv4-translated, RFC 2765
  "64:ff9b::/96", // NAT64, RFC 6052: an IPv4 address in disguise
  "64:ff9b:1::/48", // local-use NAT64, RFC 8215
  "100::/64", // discard-only, RFC 6666
  "100:0:0:1::/64", // dummy prefix, RFC 9780
  "2001::/23", // protocol assignments: Teredo, benchmarks, ORCHID
  "2001:db8::/32", // documentation
  "2002::/16", // 6to4: an IPv4 address in disguise
  "2620:4f:8000::/48", // AS112
  "3fff::/20", // documentation, RFC 9637
  "5f00::/16", // segment routing, RFC 9602
  "fc00::/7", // unique local
  "fe80::/10", // link-local
  "fec0::/10", // site-local, deprecated
  "ff00::/8", // multicast
] as const;

const special = new BlockList();
for (const [family, ranges] of [
  ["ipv4", SPECIAL_IPV4],
  ["ipv6", SPECIAL_IPV6],
] as const) {
  for (const range of ranges) {
    const slash = range.indexOf("/");
    special.addSubnet(range.slice(0, slash), Number(range.slice(slash + 1)), family);
  }
}

/**
 * Whether an address is not for the public internet, or is no address at all (a zone index included): then nothing may be fetched from it.
 * IPv4-mapped IPv6 addresses are judged as the IPv4 address that they are.
 */
export function isSpecialAddress(address: string): boolean {
  if (isIPv4(address)) return special.check(address, "ipv4");
  if (!isIPv6(address) || address.includes("%")) return true;
  return special.check(address, "ipv6") || !isGlobalUnicast(address);
}

/** 2000::/3 is all that was ever given out (RFC 4291 §2.4); mapped addresses (::ffff:0:0/96) are checked as IPv4 by BlockList itself. */
const global = new BlockList();
global.addSubnet("2000::", 3, "ipv6");
const mapped = new BlockList();
mapped.addSubnet("::ffff:0:0", 96, "ipv6");

function isGlobalUnicast(address: string): boolean {
  return global.check(address, "ipv6") || mapped.check(address, "ipv6");
}
