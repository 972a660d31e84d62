import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkToken, formToken, readForm } from "./form.js";
import { createSite } from "./site.js";

const site = createSite("http://localhost:4000");
const OWN = "http://localhost:4000";
const TYPE = { "content-type": "application/x-www-form-urlencoded" };

function post(body: string, headers: Record<string, string>) {
  return readForm(new Request(`${OWN}/sign-in/code`, { method: "POST", body, headers }), site);
}

describe("a form is taken only from our own page", () => {
  it.each([
    { origin: OWN, "sec-fetch-site": "same-origin" },
    { origin: "null", "sec-fetch-site": "same-origin" },
    { "sec-fetch-site": "same-origin" },
    { origin: OWN },
  ])("with %j", async (headers) => {
    expect([...(await post("a=b&c=d+e", { ...TYPE, ...headers }))]).toEqual([
      ["a", "b"],
      ["c", "d e"],
    ]);
  });

  it.each<Record<string, string>>([
    {},
    { origin: "null" },
    { origin: "http://localhost:5000" },
    { origin: "https://localhost:4000" },
    { origin: "http://127.0.0.1:4000" },
    { origin: `${OWN}.evil.example` },
    { origin: OWN, "sec-fetch-site": "cross-site" },
    { origin: OWN, "sec-fetch-site": "same-site" },
    { origin: OWN, "sec-fetch-site": "none" },
    { origin: "http://localhost:5000", "sec-fetch-site": "same-origin" },
    { origin: "null", "sec-fetch-site": "same-site" },
  ])("and refused with %j", async (headers) => {
    await expect(post("a=b", { ...TYPE, ...headers })).rejects.toMatchObject({
      status: 403,
      message: "foreign_origin",
    });
  });

  it.each([
    ["another type", "a=b", "text/plain", 415],
    ["a body of 64 KiB and one", "a".repeat(65_537), TYPE["content-type"], 413],
    ["a field given twice", "a=1&b=2&a=1", TYPE["content-type"], 400],
  ])("%s is refused", async (_, body, type, status) => {
    await expect(post(body, { origin: OWN, "content-type": type })).rejects.toMatchObject({ status });
  });

  it("reads whatever a browser can send, and nothing else than what was sent", async () => {
    const fields = fc.dictionary(fc.string({ unit: "grapheme", minLength: 1 }), fc.string({ unit: "grapheme" }));
    await fc.assert(
      fc.asyncProperty(fields, async (given) => {
        const form = await post(new URLSearchParams(given).toString(), { origin: OWN, ...TYPE });
        expect(Object.fromEntries(form)).toEqual({ ...given });
      }),
    );
  });
});

describe("the token of a form", () => {
  it("belongs to one browser's secret", () => {
    const form = new Map([["csrf", formToken("secret")]]);
    expect(() => checkToken(form, "secret")).not.toThrow();
    for (const other of ["other", "", undefined]) expect(() => checkToken(form, other)).toThrow("stale_form");
    expect(() => checkToken(new Map(), "secret")).toThrow("stale_form");
  });
});
