import type { IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import { createRemoteAddress } from "./peer.js";

const request = (remoteAddress: string | undefined, forwarded?: string) =>
  ({ socket: { remoteAddress }, headers: { "x-forwarded-for": forwarded } }) as unknown as IncomingMessage;

const CASES: readonly {
  what: string;
  proxies: readonly string[];
  peer: string;
  forwarded?: string;
  is: string | undefined;
}[] = [
  {
    what: "without proxies the header is the caller's own word",
    proxies: [],
    peer: "10.0.0.1",
    forwarded: "1.1.1.1",
    is: "10.0.0.1",
  },
  { what: "a proxy is believed", proxies: ["10.0.0.0/8"], peer: "10.0.0.1", forwarded: "1.1.1.1", is: "1.1.1.1" },
  { what: "a stranger is not", proxies: ["10.0.0.0/8"], peer: "11.0.0.1", forwarded: "1.1.1.1", is: "11.0.0.1" },
  {
    what: "what the caller wrote left of it is not",
    proxies: ["10.0.0.1"],
    peer: "10.0.0.1",
    forwarded: "9.9.9.9, 1.1.1.1",
    is: "1.1.1.1",
  },
  {
    what: "proxies behind proxies are skipped",
    proxies: ["10.0.0.0/8"],
    peer: "10.0.0.1",
    forwarded: "1.1.1.1, 10.0.0.2",
    is: "1.1.1.1",
  },
  {
    what: "IPv4 in IPv6 is IPv4",
    proxies: ["10.0.0.1"],
    peer: "::ffff:10.0.0.1",
    forwarded: "::ffff:1.1.1.1",
    is: "1.1.1.1",
  },
  { what: "IPv6 ranges", proxies: ["fd00::/8"], peer: "fd00::1", forwarded: "2001:db8::1", is: "2001:db8::1" },
  { what: "a proxy that says nothing", proxies: ["10.0.0.1"], peer: "10.0.0.1", is: "10.0.0.1" },
  {
    what: "a proxy that says no address",
    proxies: ["10.0.0.1"],
    peer: "10.0.0.1",
    forwarded: "unknown",
    is: undefined,
  },
];

describe("the caller's address", () => {
  test.each(CASES)("$what", ({ proxies, peer, forwarded, is }) => {
    expect(createRemoteAddress(proxies)(request(peer, forwarded))).toBe(is);
  });

  test.each(["example.com", "10.0.0.0/33", "10.0.0.0/x", "", "10.0.0.0/"])("%j is no proxy", (entry) => {
    expect(() => createRemoteAddress([entry])).toThrow(TypeError);
  });
});
