import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { displayName, escapeHtml, html } from "./html.js";
import { stylesheetSource } from "./page.js";
import { STYLESHEET } from "./stylesheet.js";

describe("the html tag", () => {
  test.each([
    [html`<p>${"<b>\"&'"}</p>`, "<p>&lt;b&gt;&quot;&amp;&#39;</p>"],
    [html`${html`<b>${"<"}</b>`}`, "<b>&lt;</b>"],
    [html`${[html`<i>`, "<i>", 1]}`, "<i>&lt;i&gt;1"],
    [html`a${undefined}${false}${true}b${0}`, "ab0"],
    [html``, ""],
  ])("%#", (made, expected) => expect(made.text).toBe(expected));

  test("whatever is put in, no markup comes of it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(html`${text}`.text).not.toMatch(/[<>"']/);
        expect(escapeHtml(text).replaceAll(/&(?:amp|lt|gt|quot|#39);/g, "")).not.toContain("&");
      }),
    );
  });
});

describe("dcr-name-spoof: names that others chose", () => {
  test.each([
    ["Claude", "Claude"],
    ["  Cla\n\tude  x ", "Claude x"],
    ["\u202eedualC", "edualC"],
    ["a\u0000b\u200bc\ufeffd\u2066e", "abcde"],
    ["\u2028\u2029", ""],
    ["Ünï çødé 名前 \u{1f600}", "Ünï çødé 名前 \u{1f600}"],
  ])("%j is shown as %j", (name, shown) => expect(displayName(name)).toBe(shown));

  test("at most 80 characters, never half of one", () => {
    const shown = displayName("\u{1f600}".repeat(100));
    expect([...shown]).toHaveLength(80);
    expect(shown).not.toMatch(/\p{Cs}/u);
  });
});

test("the stylesheet is allowed by its hash, loads nothing, and cannot end its element", async () => {
  expect(await stylesheetSource()).toMatch(/^'sha256-[A-Za-z0-9+/]{43}='$/);
  expect(STYLESHEET).not.toMatch(/url\(|@import|<\//i);
});
