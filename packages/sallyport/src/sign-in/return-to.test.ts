import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseReturnTo, toPath } from "./return-to.js";
import { createSite } from "./site.js";

const PATHS = ["/authorize", "/consent", "/account"];
const site = createSite("http://localhost:4000");
const below = createSite("https://example.com/team/a");

describe("the way back after sign-in", () => {
  it.each(["/authorize", "/authorize?client_id=a&x=%2F%2Fevil", "/consent/step?id=1", "/account", "/account/set-up"])(
    "may be our own path %s",
    (path) => {
      expect(parseReturnTo(path, site, PATHS)).toBe(path);
      expect(parseReturnTo(`/team/a${path}`, below, PATHS)).toBe(`/team/a${path}`);
    },
  );

  it.each([
    undefined,
    null,
    "",
    "authorize",
    "//evil.example/authorize",
    "///evil.example/authorize",
    "/\\evil.example/authorize",
    "/\t/evil.example/authorize",
    "\t//evil.example",
    "http://evil.example/authorize",
    "http://localhost:4000/authorize",
    "javascript:alert(1)",
    "/authorize/../sign-out",
    "/authorize/%2e%2e/sign-out",
    "/authorize#x",
    "/authorize/..",
    "/authorized",
    "/Authorize",
    "/sign-out",
    "/token",
    "/",
    "/authorize\r\nSet-Cookie: a=b",
    "/authorize?x=\u0000",
    `/authorize?${"x".repeat(4096)}`,
  ])("is never %j (RFC 9700 §4.11.2)", (value) => {
    expect(parseReturnTo(value, site, PATHS)).toBeUndefined();
  });

  it("stays below the path of the public URL", () => {
    for (const path of ["/authorize", "/team/authorize", "/team/ab/authorize", "/team/a/../b/authorize"]) {
      expect(parseReturnTo(path, below, PATHS)).toBeUndefined();
    }
  });

  it("stays on this origin whatever is asked for", () => {
    const piece = fc.constantFrom(
      "/",
      "\\",
      "//",
      "authorize",
      "..",
      "@",
      ":",
      "evil.example",
      "%2f",
      "%5c",
      "?",
      "#",
      "\t",
      " ",
    );
    const hostile = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(piece).map((pieces) => pieces.join("")),
    );
    const check = (value: string) => {
      const path = parseReturnTo(value, site, PATHS);
      if (path === undefined) return;
      const url = new URL(path, "http://localhost:4000");
      expect(url.origin).toBe("http://localhost:4000");
      expect(PATHS.some((allowed) => url.pathname === allowed || url.pathname.startsWith(`${allowed}/`))).toBe(true);
    };
    fc.assert(fc.property(hostile, (value) => [value, `/authorize${value}`, `/${value}`].forEach(check)));
  });

  it("is made a path where the authorization server says a URL", () => {
    expect(toPath("http://localhost:4000/consent?request=1", site)).toBe("/consent?request=1");
    expect(toPath("http://localhost:40001/consent", site)).toBe("http://localhost:40001/consent");
    expect(toPath("/consent", site)).toBe("/consent");
  });
});
