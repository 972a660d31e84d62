import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeRedirectUri, isRegisteredRedirectUri, validateRedirectUri } from "./redirect-uri.js";

const knownSchemes = ["cursor", "vscode"];

describe("validateRedirectUri (R-67, RFC 8252 §7)", () => {
  it.each([
    ["https://claude.ai/api/mcp/auth_callback", "https"],
    ["https://chatgpt.com/connector/oauth/abc?x=1", "https"],
    ["https://example.com:8443/cb", "https"],
    ["https://xn--bcher-kva.example/cb", "https"],
    ["https://[2001:db8::1]/cb", "https"],
    ["https://vscode.dev", "https"],
    ["http://127.0.0.1/callback", "loopback"],
    ["http://127.0.0.1:33418/", "loopback"],
    ["http://[::1]:1/cb", "loopback"],
    ["http://localhost", "loopback"],
    ["http://localhost:19876/mcp/oauth/callback", "loopback"],
    ["cursor://anysphere.cursor-retrieval/oauth/user-mcp/callback", "private-use"],
    ["vscode://cb", "private-use"],
    ["com.example.app:/oauth", "private-use"],
    ["com.example.app://oauth?x=1", "private-use"],
  ])("takes %s as %s", (uri, kind) => {
    expect(validateRedirectUri(uri, { knownSchemes })).toBe(kind);
  });

  it.each([
    ["nothing", "", "absolute"],
    ["a path", "/callback", "absolute"],
    ["a script", "javascript:alert(1)", "browsers"],
    ["a script in mixed case", "JaVaScRiPt:alert(1)", "browsers"],
    ["a script behind a space", " javascript:alert(1)", "space"],
    ["a script behind a control character", "\u0001javascript:alert(1)", "control"],
    ["a script with a tab in its name", "java\tscript:alert(1)", "control"],
    ["a script with a line feed in its name", "java\nscript:alert(1)", "control"],
    ["a script with an authority", "javascript://example.com/%0aalert(1)", "encoding"],
    ["data", "data:text/html,x", "browsers"],
    ["vbscript", "vbscript:x", "browsers"],
    ["a file", "file:///etc/passwd", "browsers"],
    ["a blob", "blob:https://example.com/x", "browsers"],
    ["about", "about:blank", "browsers"],
    ["view-source", "view-source:https://example.com/", "browsers"],
    ["an unknown scheme without dot", "evil://x/y", "reverse domain"],
    ["a known scheme in another case", "Cursor://x/y", "lower case"],
    ["a reverse domain with an empty label", "com..app:/cb", "reverse domain"],
    ["a reverse domain that ends in a dot", "com.app.:/cb", "reverse domain"],
    ["a private-use scheme with an opaque rest", "com.example.app:cb", "no path"],
    ["a private-use URI with a port and no host", "com.example.app://:80/cb", "malformed"],
    ["user information in a private-use URI", "com.example.app://a@b/cb", "user information"],
    ["https in upper case", "HTTPS://example.com/cb", "lower case"],
    ["a host in upper case", "https://Example.com/cb", "plain form"],
    ["a fragment", "https://example.com/cb#x", "fragment"],
    ["an empty fragment", "https://example.com/cb#", "fragment"],
    ["a wildcard host", "https://*.example.com/cb", "wildcard"],
    ["a wildcard path", "https://example.com/*", "wildcard"],
    ["a wildcard port", "http://localhost:*/cb", "wildcard"],
    ["user information", "https://user:pass@example.com/cb", "user information"],
    ["user information that looks like the host", "https://claude.ai@evil.example/", "user information"],
    ["a backslash before the at sign", "https://claude.ai\\@evil.example/", "no URI may hold"],
    ["a backslash for a slash", "https:\\\\evil.example/", "no URI may hold"],
    ["a raw host outside ASCII", "https://clаude.ai/cb", "ASCII"],
    ["a raw path outside ASCII", "https://example.com/é", "ASCII"],
    ["a space within", "https://example.com/a b", "space"],
    ["a space behind", "https://example.com/cb ", "space"],
    ["a line break behind", "https://example.com/cb\r\n", "control"],
    ["an encoded line break", "https://example.com/cb%0d%0aSet-Cookie:x", "encoding"],
    ["an encoded backslash", "https://example.com/%5c%5cevil.example", "encoding"],
    ["broken encoding", "https://example.com/%", "encoding"],
    ["an overlong encoding", "https://example.com/%c0%ae", "encoding"],
    ["dot segments", "https://example.com/a/../b", "dot segments"],
    ["a single dot segment", "https://example.com/./b", "dot segments"],
    ["encoded dot segments", "https://example.com/%2e%2e/b", "dot segments"],
    ["twice encoded dot segments", "https://example.com/%252e%252e/b", "dot segments"],
    ["angle brackets", "https://example.com/<script>", "no URI may hold"],
    ["a quote", 'https://example.com/"', "no URI may hold"],
    ["no host", "https:///cb", "malformed"],
    ["no slashes", "https:example.com/cb", "malformed"],
    ["an empty port", "https://example.com:/cb", "malformed"],
    ["port 0", "http://localhost:0/cb", "malformed"],
    ["a port out of range", "https://example.com:65536/cb", "malformed"],
    ["a host that ends in a dot", "https://example.com./cb", "dot"],
    ["http elsewhere", "http://example.com/cb", "loopback"],
    ["localhost as a prefix", "http://localhost.evil.com/cb", "loopback"],
    ["127.0.0.1 as a prefix", "http://127.0.0.1.evil.com/cb", "loopback"],
    ["localhost with a dot", "http://localhost./cb", "dot"],
    ["another loopback address", "http://127.0.0.2/cb", "loopback"],
    ["every address", "http://0.0.0.0/cb", "loopback"],
    ["127.0.0.1 in decimal", "http://2130706433/cb", "plain form"],
    ["127.0.0.1 in hexadecimal", "http://0x7f000001/cb", "plain form"],
    ["127.0.0.1 in octal", "http://0177.0.0.1/cb", "plain form"],
    ["127.0.0.1, shortened", "http://127.1/cb", "plain form"],
    ["127.0.0.1 mapped to IPv6", "http://[::ffff:127.0.0.1]/cb", "plain form"],
    ["::1 written out", "http://[0:0:0:0:0:0:0:1]/cb", "plain form"],
    ["an encoded host", "http://%6cocalhost/cb", "malformed"],
    ["more than 2,048 characters", `https://example.com/${"a".repeat(2048)}`, "2048"],
  ])("refuses %s and says why", (_, uri, why) => {
    expect(() => validateRedirectUri(uri, { knownSchemes })).toThrow(
      expect.objectContaining({
        reason: "redirect_uri_refused",
        error: "invalid_redirect_uri",
        status: 400,
        redirectable: false,
        error_description: expect.stringContaining(why),
      }),
    );
  });

  it("refuses browser schemes even when a list calls them known", () => {
    expect(() => validateRedirectUri("javascript:/x", { knownSchemes: ["javascript"] })).toThrow();
  });

  it("has a description that fits RFC 6749 §5.2 and holds nothing of the URI", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ZQX:/.@#*%\\\n é") }), (uri) => {
        try {
          validateRedirectUri(uri);
        } catch (error) {
          const { error_description } = error as { error_description: string };
          expect(error_description).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
          expect(error_description).not.toMatch(/[ZQX]/);
        }
      }),
    );
  });

  it("accepts only what a URL parser reads as the same place", () => {
    const piece = fc.constantFrom(
      "http",
      "https",
      "com.x",
      "cursor",
      "javascript",
      ":",
      "/",
      "//",
      "localhost",
      "127.0.0.1",
      "[::1]",
      "evil.com",
      ".",
      "@",
      ":80",
      "%2e",
      "?",
      "#",
      "\\",
      "a",
      "A",
      " ",
      "\t",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 9 }), (pieces) => {
        const uri = pieces.join("");
        let kind: string;
        try {
          kind = validateRedirectUri(uri, { knownSchemes });
        } catch (error) {
          expect(error).toMatchObject({ reason: "redirect_uri_refused" });
          return;
        }
        const url = new URL(uri);
        expect([url.username, url.password, url.hash]).toEqual(["", "", ""]);
        if (kind === "loopback") expect(["localhost", "127.0.0.1", "[::1]"]).toContain(url.hostname);
        if (kind === "https") expect(url.protocol).toBe("https:");
        expect(uri.startsWith(`${url.protocol}/`)).toBe(true);
        expect(describeRedirectUri(uri).kind).toBe(kind);
      }),
      { numRuns: 5000 },
    );
  });
});

describe("isRegisteredRedirectUri (R-68, R-144, RFC 8252 §7.3)", () => {
  it.each([
    ["the same string", "https://example.com/cb?x=1", "https://example.com/cb?x=1"],
    ["another loopback port", "http://127.0.0.1:1/cb", "http://127.0.0.1:65535/cb"],
    ["a port where none was registered", "http://localhost/callback", "http://localhost:53682/callback"],
    ["no port where one was registered", "http://[::1]:9/cb", "http://[::1]/cb"],
    ["a slash for an empty loopback path", "http://localhost:1", "http://localhost:2/"],
    ["no slash for an empty loopback path", "http://localhost:1/", "http://localhost:2"],
    ["the same query on another port", "http://localhost?a=1", "http://localhost:2/?a=1"],
    ["a private-use URI", "cursor://a/b", "cursor://a/b"],
  ])("matches %s", (_, registered, presented) => {
    expect(isRegisteredRedirectUri(["https://other.example/", registered], presented)).toBe(true);
  });

  it.each([
    ["another path", "http://localhost/cb", "http://localhost:1/cb2"],
    ["a longer path", "http://localhost/cb", "http://localhost:1/cb/"],
    ["another query", "http://localhost/cb?a=1", "http://localhost:1/cb?a=2"],
    ["a query where none was registered", "http://localhost/cb", "http://localhost:1/cb?a=1"],
    ["localhost for 127.0.0.1", "http://127.0.0.1/cb", "http://localhost/cb"],
    ["127.0.0.1 for localhost", "http://localhost/cb", "http://127.0.0.1/cb"],
    ["[::1] for 127.0.0.1", "http://127.0.0.1/cb", "http://[::1]/cb"],
    ["https for http", "http://localhost/cb", "https://localhost/cb"],
    ["another port of an https host", "https://example.com/cb", "https://example.com:8443/cb"],
    ["the default port, spelled out", "https://example.com/cb", "https://example.com:443/cb"],
    ["a trailing slash on https", "https://example.com", "https://example.com/"],
    ["another case of the path", "https://example.com/cb", "https://example.com/CB"],
    ["another case of the host", "http://localhost/cb", "http://LOCALHOST/cb"],
    ["an encoded character", "https://example.com/cb", "https://example.com/c%62"],
    ["a fragment", "http://localhost/cb", "http://localhost:1/cb#x"],
    ["user information", "http://localhost/cb", "http://a@localhost:1/cb"],
    ["a host that begins alike", "http://localhost/cb", "http://localhost.evil.com/cb"],
    ["a port that continues as a host", "http://localhost/cb", "http://localhost:1.evil.com/cb"],
    ["port 0", "http://localhost/cb", "http://localhost:0/cb"],
    ["a port out of range", "http://localhost/cb", "http://localhost:65536/cb"],
    ["a port with leading zeros", "http://localhost/cb", "http://localhost:08/cb"],
    ["an empty port", "http://localhost/cb", "http://localhost:/cb"],
    ["another port of a private-use URI", "com.x://localhost:1/cb", "com.x://localhost:2/cb"],
    ["a line feed behind", "http://localhost/cb", "http://localhost:1/cb\n"],
  ])("does not match %s", (_, registered, presented) => {
    expect(isRegisteredRedirectUri([registered], presented)).toBe(false);
  });

  it("matches nothing when nothing is registered", () => {
    expect(isRegisteredRedirectUri([], "http://localhost/")).toBe(false);
  });
});

describe("describeRedirectUri (R-80)", () => {
  it.each([
    ["https://claude.ai/cb", "https", "claude.ai"],
    ["https://xn--clude-5ra.ai:8443/cb", "https", "xn--clude-5ra.ai:8443"],
    ["http://127.0.0.1:4711/cb", "loopback", "127.0.0.1:4711"],
    ["cursor://anysphere/cb", "private-use", "cursor:"],
    ["com.example.app:/cb", "private-use", "com.example.app:"],
  ])("says that %s goes, as %s, to %s", (uri, kind, destination) => {
    expect(describeRedirectUri(uri)).toEqual({ kind, destination });
  });

  it("does not describe what may not be registered", () => {
    expect(() => describeRedirectUri("javascript:alert(1)")).toThrow(
      expect.objectContaining({ reason: "redirect_uri_refused" }),
    );
  });
});
