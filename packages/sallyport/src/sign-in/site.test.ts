import { describe, expect, it } from "vitest";
import { createSite, elsewhere } from "./site.js";

describe("the site of a public URL", () => {
  it.each([
    ["http://localhost:4000", { origin: "http://localhost:4000", prefix: "", secure: false, passkeys: true }],
    ["http://localhost:4000/", { origin: "http://localhost:4000", prefix: "", secure: false, passkeys: true }],
    ["https://mcp.example.com/team/a", { host: "mcp.example.com", prefix: "/team/a", secure: true, passkeys: true }],
    ["http://127.0.0.1:4000", { hostname: "127.0.0.1", secure: false, passkeys: false }],
    ["http://[::1]:4000", { hostname: "[::1]", secure: false, passkeys: false }],
    ["https://192.0.2.7", { secure: true, passkeys: false }],
    ["https://[2001:db8::1]", { secure: true, passkeys: false }],
    ["http://gateway.internal", { secure: false, passkeys: false }],
  ])("%s", (publicUrl, expected) => expect(createSite(publicUrl)).toMatchObject(expected));

  it.each(["ftp://example.com", "https://example.com/?a=b", "https://example.com/#a", "https://u:p@example.com"])(
    "refuses %s",
    (publicUrl) => expect(() => createSite(publicUrl)).toThrow(TypeError),
  );

  const at = (host: string) => new Request("http://localhost:4000/sign-in?a=b", { headers: { host } });

  it.each(["127.0.0.1:4000", "[::1]:4000"])("sends %s to localhost, where cookies and passkeys are", (host) => {
    expect(elsewhere(createSite("http://localhost:4000"), at(host))).toBe("http://localhost:4000/sign-in?a=b");
  });

  it.each(["localhost:4000", "127.0.0.1:4001", "127.0.0.1", "127.0.0.1.evil.example:4000", "evil.example:4000", ""])(
    "leaves a request for %j where it is",
    (host) => expect(elsewhere(createSite("http://localhost:4000"), at(host))).toBeUndefined(),
  );

  it("leaves everything where it is when the public URL is not localhost", () => {
    expect(elsewhere(createSite("http://127.0.0.1:4000"), at("127.0.0.1:4000"))).toBeUndefined();
    expect(elsewhere(createSite("https://localhost.example:4000"), at("127.0.0.1:4000"))).toBeUndefined();
  });
});
