import { describe, expect, test } from "vitest";
import { addressesOf, checkExposure } from "./exposure.js";
import type { Config } from "./schema.js";

const HTTPS = "https://mcp.example.com";
const TLS = { cert: "cert.pem", key: "key.pem" };

/** Paths of what is wrong. */
const faults = (
  host: string,
  publicUrl: string | undefined,
  { tls = {}, trustedProxies = [] }: { readonly tls?: object; readonly trustedProxies?: readonly string[] } = {},
) =>
  checkExposure({ publicUrl, listen: { host, tls }, trustedProxies } as unknown as Config).map(({ path }) =>
    path.join("."),
  );

describe("Listening", () => {
  test.each(["loopback", "127.0.0.1", "::1", "localhost"])("at %s needs no TLS: nobody else gets there", (host) => {
    expect(faults(host, undefined)).toEqual([]);
    expect(faults(host, "http://localhost:4200")).toEqual([]);
    expect(faults(host, HTTPS)).toEqual([]);
    expect(faults(host, "http://mcp.example.com")).toEqual(["publicUrl"]);
  });

  test.each(["0.0.0.0", "::", "192.168.1.7", "127.0.0.1.example.com", "mcp.example.com"])(
    "at %s needs https",
    (host) => {
      expect(faults(host, undefined)).toEqual(["listen.host"]);
      expect(faults(host, "http://localhost:4200")).toEqual(["listen.host"]);
      expect(faults(host, "http://mcp.example.com")).toEqual(["publicUrl", "listen.host"]);
      expect(faults(host, HTTPS)).toEqual(["listen.host"]);
      expect(faults(host, HTTPS, { tls: TLS })).toEqual([]);
      expect(faults(host, HTTPS, { trustedProxies: ["10.0.0.0/8"] })).toEqual([]);
    },
  );

  test("with a certificate of its own needs an https URL", () => {
    expect(faults("loopback", "http://localhost:4200", { tls: TLS })).toEqual(["publicUrl"]);
  });

  test("at `loopback`, and at `localhost` without asking a resolver, is at both addresses", () => {
    expect(addressesOf("loopback")).toEqual(["127.0.0.1", "::1"]);
    expect(addressesOf("localhost")).toEqual(["127.0.0.1", "::1"]);
    expect(addressesOf("127.0.0.1")).toEqual(["127.0.0.1"]);
  });
});
