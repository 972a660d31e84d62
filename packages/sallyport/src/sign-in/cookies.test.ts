import { describe, expect, it } from "vitest";
import { type CookieKind, createCookies } from "./cookies.js";
import { createSite } from "./site.js";

const VALUE = "v".repeat(43);

describe("cookies", () => {
  it.each<[string, CookieKind, string]>([
    [
      "https://example.com",
      "browser",
      `__Host-sallyport=${VALUE}; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure`,
    ],
    [
      "https://example.com",
      "form",
      `__Host-sallyport-form=${VALUE}; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure`,
    ],
    ["http://localhost:4000", "flow", `sallyport-4000-flow=${VALUE}; Path=/; Max-Age=600; HttpOnly; SameSite=Lax`],
    [
      "http://localhost:4000",
      "account",
      `sallyport-4000-account=${VALUE}; Path=/account; Max-Age=300; HttpOnly; SameSite=Strict`,
    ],
    [
      "http://localhost:4000",
      "form",
      `sallyport-4000-form=${VALUE}; Path=/sign-in; Max-Age=3600; HttpOnly; SameSite=Lax`,
    ],
  ])("of %s for %s: flags as the audit check authz-cookie-flags wants them", (publicUrl, kind, line) => {
    expect(createCookies(createSite(publicUrl)).set(kind, VALUE)).toBe(line);
  });

  it("of a public URL with a path keep to that path, and have names of their own", () => {
    const http = createCookies(createSite("http://localhost:4000/a"));
    expect(http.set("flow", VALUE)).toContain("; Path=/a; ");
    expect(http.set("account", VALUE)).toContain("; Path=/a/account; ");
    const [one, other] = ["https://example.com/a", "https://example.com/b"].map((url) =>
      createCookies(createSite(url)).set("browser", VALUE),
    );
    expect(one).toMatch(/^__Host-sallyport-[\w-]{8}=v+; Path=\/; .*Secure$/);
    expect(one).not.toBe(other);
  });

  it("are cleared under the same name and path", () => {
    expect(createCookies(createSite("http://localhost:4000")).clear("account")).toBe(
      "sallyport-4000-account=; Path=/account; Max-Age=0; HttpOnly; SameSite=Strict",
    );
  });

  it.each([
    [`sallyport-4000-flow=${VALUE}`, VALUE],
    [`a=b;sallyport-4000-flow=${VALUE}; c=d`, VALUE],
    [`sallyport-4000-flow=first; sallyport-4000-flow=${VALUE}`, undefined],
    [`sallyport-4001-flow=${VALUE}`, undefined],
    [`xsallyport-4000-flow=${VALUE}`, undefined],
    ["sallyport-4000-flow=short", undefined],
    [`sallyport-4000-flow="${VALUE}"`, undefined],
    ["", undefined],
  ])("are read from %j", (cookie, expected) => {
    const request = new Request("http://localhost:4000/", { headers: { cookie } });
    expect(createCookies(createSite("http://localhost:4000")).read(request, "flow")).toBe(expected);
  });
});
