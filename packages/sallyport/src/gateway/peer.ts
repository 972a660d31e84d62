import type { IncomingMessage } from "node:http";
import { BlockList, isIP } from "node:net";

/** Addresses and CIDR ranges → one list. @throws TypeError for anything else. */
function createProxyList(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = "", prefix] = entry.split("/");
    const version = isIP(address);
    const bits = prefix === undefined ? undefined : Number(prefix);
    const most = version === 4 ? 32 : 128;
    if (version === 0 || (bits !== undefined && !(/^\d{1,3}$/.test(prefix ?? "") && bits <= most))) {
      throw new TypeError(`trustedProxies: ${JSON.stringify(entry)} is neither an address nor a CIDR range`);
    }
    const family = version === 4 ? "ipv4" : "ipv6";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, bits, family);
  }
  return list;
}

/** IPv4 as seen by a socket that takes both families is the same IPv4 address. */
function plain(address: string | undefined): string | undefined {
  return address?.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}

function trusts(list: BlockList, address: string): boolean {
  const version = isIP(address);
  return version !== 0 && list.check(address, version === 4 ? "ipv4" : "ipv6");
}

/**
 * The address of the caller: the socket's, unless that is a trusted proxy; then the right-most address of `X-Forwarded-For` that is not a
 * trusted proxy itself. Entries further left are the caller's own words. `undefined` when a proxy says something that is no address.
 */
export function createRemoteAddress(entries: readonly string[]): (request: IncomingMessage) => string | undefined {
  if (entries.length === 0) return (request) => plain(request.socket.remoteAddress);
  const list = createProxyList(entries);
  return (request) => {
    const peer = plain(request.socket.remoteAddress);
    if (peer === undefined || !trusts(list, peer)) return peer;
    const forwarded = [request.headers["x-forwarded-for"] ?? []].flat().join(",");
    const hops = forwarded.split(",").map((hop) => plain(hop.trim()) ?? "");
    const caller = hops.findLast((hop) => !trusts(list, hop));
    if (caller === undefined || caller === "") return peer;
    return isIP(caller) === 0 ? undefined : caller;
  };
}
