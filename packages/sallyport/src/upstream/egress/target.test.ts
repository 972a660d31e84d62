import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseEgressTarget } from "./target.js";

describe("the target of a child's request", () => {
  test.each([
    ["", "/", "/"],
    ["/", "/", "/"],
    ["/v1/customers", "/v1/customers", "/v1/customers"],
    ["/v1/customers/", "/v1/customers/", "/v1/customers/"],
    ["/v1/a%20b", "/v1/a b", "/v1/a%20b"],
    ["/v1/%61dmin", "/v1/admin", "/v1/%61dmin"],
    ["/v1/x?q=a/../b&u=//c", "/v1/x", "/v1/x?q=a/../b&u=//c"],
    ["?q=1", "/", "/?q=1"],
    ["/v1/..hidden/...", "/v1/..hidden/...", "/v1/..hidden/..."],
    ["/v1/caf%C3%A9", "/v1/café", "/v1/caf%C3%A9"],
    ["/v1/100%25", "/v1/100%", "/v1/100%25"],
    ["/v1/a;b=c", "/v1/a;b=c", "/v1/a;b=c"],
  ])("%s is understood as %s and goes on as %s", (text, path, raw) => {
    expect(parseEgressTarget(text)).toEqual({ path, raw });
  });

  test.each([
    "/v1/../admin",
    "/v1/./admin",
    "/..",
    "/.",
    "/v1/%2e%2e/admin",
    "/v1/.%2E/admin",
    "/v1/%252e%252e/admin",
    "/v1/..;/admin",
    "/v1/..;x=y/admin",
    "/v1/%2e%2e%3b/admin",
    "/v1/.. /admin",
    "/v1/..%20/admin",
    "/v1/;x/admin",
    "/v1/a%2fb",
    "/v1/a%2Fb",
    "/v1/a%252fb",
    "/v1/a%5cb",
    "/v1/a\\b",
    "//v1",
    "/v1//admin",
    "//other.example/v1",
    "v1/customers",
    "@other.example/",
    "/v1/%00",
    "/v1/a%0d%0ab",
    "/v1/%7f",
    "/v1/%",
    "/v1/%zz",
    "/v1/%ff",
    "/v1/%c0%ae%c0%ae/admin",
    "/v1/é",
    "/v1/x#y",
    "/v1/x?q#y",
    "/v1/x?q=\r\nhost: other",
    "/v1/x?q=%zz",
  ])("%j can be read in two ways, and is refused", (text) => {
    expect(parseEgressTarget(text)).toBeUndefined();
  });

  test("whatever is let through, a browser's parser, which removes dot segments, reads as the same path", () => {
    const part = fc.constantFrom(
      "/",
      ".",
      "..",
      "%2e",
      "%2E",
      "%2f",
      "%5c",
      "\\",
      ";",
      "a",
      "v1",
      "%25",
      "?",
      "#",
      "//",
      "\t",
      "é",
    );
    let through = 0;
    fc.assert(
      fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
        const target = parseEgressTarget(parts.join(""));
        if (target === undefined) return;
        through += 1;
        const url = new URL(`http://crm.example${target.raw}`);
        expect([url.host, decodeURIComponent(url.pathname)]).toEqual(["crm.example", target.path]);
      }),
      { numRuns: 3_000 },
    );
    expect(through).toBeGreaterThan(50);
  });
});
