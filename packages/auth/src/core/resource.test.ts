import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseResource, protectedResourceMetadataUrl } from "./resource.js";

describe("parseResource (RFC 8707 §2, R-112, R-113)", () => {
  it.each([
    ["https://mcp.example.com/mcp", "https://mcp.example.com/mcp"],
    ["https://mcp.example.com", "https://mcp.example.com"],
    ["https://mcp.example.com/", "https://mcp.example.com/"],
    ["HTTPS://MCP.Example.COM/Path/CASE", "https://mcp.example.com/Path/CASE"],
    ["http://localhost:4000/mcp", "http://localhost:4000/mcp"],
    ["http://[::1]:4000/mcp", "http://[::1]:4000/mcp"],
    ["https://example.com:443/a", "https://example.com:443/a"],
    ["https://example.com/a%2Fb?x=1&y=%C3%A9", "https://example.com/a%2Fb?x=1&y=%C3%A9"],
    ["https://example.com?x=1", "https://example.com?x=1"],
    ["https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"],
  ])("takes %s as %s", (value, expected) => {
    expect(parseResource(value)).toBe(expected);
  });

  it.each([
    ["nothing", ""],
    ["a relative reference", "/mcp"],
    ["another scheme", "ftp://example.com/"],
    ["a script", "javascript:alert(1)//https://example.com"],
    ["a fragment", "https://example.com/mcp#x"],
    ["an empty fragment", "https://example.com/mcp#"],
    ["user information", "https://user@example.com/"],
    ["no host", "https:///mcp"],
    ["no slashes", "https:example.com"],
    ["one slash", "https:/example.com"],
    ["leading white space", " https://example.com"],
    ["a line break", "https://example.com/\n"],
    ["a space", "https://example.com/a b"],
    ["a character outside ASCII", "https://example.com/é"],
    ["a host outside ASCII", "https://exämple.com/"],
    ["a backslash", "https://example.com\\@evil.example"],
    ["dot segments", "https://example.com/a/../b"],
    ["encoded dot segments", "https://example.com/a/%2e%2E/b"],
    ["twice encoded dot segments", "https://example.com/a/%252e./b"],
    ["an encoded backslash", "https://example.com/a%5cb"],
    ["broken encoding", "https://example.com/%zz"],
    ["a decimal address", "https://2130706433/"],
    ["a hexadecimal address", "https://0x7f.0.0.1/"],
    ["an octal address", "https://0177.0.0.1/"],
    ["a port out of range", "https://example.com:65536/"],
    ["an empty port", "https://example.com:/"],
    ["a port with leading zeros", "https://example.com:0443/"],
  ])("refuses %s", (_, value) => {
    expect(() => parseResource(value)).toThrow(
      expect.objectContaining({ reason: "target_malformed", error: "invalid_target", status: 400 }),
    );
  });

  it("changes nothing that it accepted, when asked again", () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true }), (url) => {
        let once: string;
        try {
          once = parseResource(url);
        } catch (error) {
          expect(error).toMatchObject({ reason: "target_malformed" });
          return;
        }
        expect(parseResource(once)).toBe(once);
        expect(new URL(once).href).toBe(new URL(url).href);
      }),
    );
  });
});

describe("protectedResourceMetadataUrl (RFC 9728 §3.1, R-07)", () => {
  it.each([
    ["https://example.com", "https://example.com/.well-known/oauth-protected-resource"],
    ["https://example.com/", "https://example.com/.well-known/oauth-protected-resource"],
    ["https://example.com/public/mcp", "https://example.com/.well-known/oauth-protected-resource/public/mcp"],
    ["https://example.com/mcp/", "https://example.com/.well-known/oauth-protected-resource/mcp/"],
    ["https://example.com/?k=v", "https://example.com/.well-known/oauth-protected-resource?k=v"],
    ["https://example.com?k=v", "https://example.com/.well-known/oauth-protected-resource?k=v"],
    ["http://LOCALHOST:4000/mcp", "http://localhost:4000/.well-known/oauth-protected-resource/mcp"],
  ])("of %s is %s", (resource, expected) => {
    expect(protectedResourceMetadataUrl(resource)).toBe(expected);
  });

  it("refuses what is no resource", () => {
    expect(() => protectedResourceMetadataUrl("https://a@b/")).toThrow(
      expect.objectContaining({ reason: "target_malformed" }),
    );
  });
});
