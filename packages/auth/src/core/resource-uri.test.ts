import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createGlob } from "./glob.js";
import { normaliseResourcePattern, normaliseResourceUri } from "./resource-uri.js";

describe("normaliseResourceUri (R-42)", () => {
  it.each([
    ["file:///a/b.txt", "file:///a/b.txt"],
    ["FILE:///A/b.txt", "file:///A/b.txt"],
    ["file:/a/b.txt", "file:///a/b.txt"],
    ["file://localhost/a/b.txt", "file:///a/b.txt"],
    ["file://Server/share", "file://server/share"],
    ["file:///a%20b/%7Ec/%63", "file:///a b/~c/c"],
    ["file:///M%c3%bcller/%28x%29%40", "file:///Müller/(x)@"],
    ["file:///Müller", "file:///Müller"],
    ["file:///100%2541", "file:///100%2541"],
    ["demo://Resource/Static/1", "demo://resource/Static/1"],
    ["demo://resource/a%2fb%3f%23", "demo://resource/a%2Fb%3F%23"],
    ["demo://resource/text/{id}", "demo://resource/text/{id}"],
    ["postgres://user@host/db/schema", "postgres://user@host/db/schema"],
    ["HTTP://Example.COM:80", "http://example.com/"],
    ["https://example.com:443/a?b=..#c", "https://example.com/a?b=..#c"],
    ["https://EXÄMPLE.com/x", "https://xn--exmple-cua.com/x"],
    ["http://0x7f.1/x", "http://127.0.0.1/x"],
    ["urn:isbn:0451450523", "urn:isbn:0451450523"],
    ["note:///a/.hidden/..b/c..", "note:///a/.hidden/..b/c.."],
  ])("%s is matched as %s", (uri, expected) => {
    expect(normaliseResourceUri(uri)).toBe(expected);
  });

  it.each([
    ["nothing", ""],
    ["a path", "/etc/passwd"],
    ["a scheme alone", "file:"],
    ["dot segments", "file:///a/../b"],
    ["a dot segment at the end", "file:///a/.."],
    ["a single dot", "file:///a/./b"],
    ["dot segments in the place of the host", "demo://../x"],
    ["encoded dot segments", "file:///a/%2e%2e/b"],
    ["half encoded dot segments", "file:///a/.%2E/b"],
    ["twice encoded dot segments", "file:///a/%252e%252e/b"],
    ["dot segments encoded digit by digit", "file:///a/%25%32%65./b"],
    ["dot segments behind an encoded slash", "demo://h/a%2f..%2fb"],
    ["dot segments with a path parameter", "demo://h/a/..;x/b"],
    ["dot segments behind a question mark", "demo://h/a?/../b"],
    ["more encoding than anyone needs", "demo://h/%25252525252e"],
    ["an overlong encoding of a dot", "file:///a/%c0%ae%c0%ae/b"],
    ["an overlong encoding of a slash", "file:///a%c0%afb"],
    ["broken encoding", "file:///a%2"],
    ["a backslash", "file:///a\\..\\b"],
    ["an encoded backslash", "file:///a%5C..%5Cb"],
    ["a twice encoded backslash", "file:///a%255c..%255cb"],
    ["NUL", "file:///a\u0000"],
    ["encoded NUL", "file:///a%00.txt"],
    ["a line feed", "file:///a\nb"],
    ["an encoded line feed", "file:///a%0ab"],
    ["white space in front", " file:///a"],
    ["white space behind", "file:///a\u00a0"],
    ["an empty segment in a file path", "file:///a//b"],
    ["an encoded slash in a file path", "file:///secret%2fx"],
    ["a relative file path", "file:a"],
    ["a web URL without host", "http:///x"],
    ["a web URL without slashes", "http:example.com/x"],
    ["user information in a web URL", "https://allowed@evil.example/"],
    ["a malformed host", "https://exa mple/"],
    ["more than 8,192 characters", `demo://h/${"a".repeat(8192)}`],
  ])("refuses %s", (_, uri) => {
    expect(normaliseResourceUri(uri)).toBeUndefined();
  });

  const part = fc.constantFrom(
    "a",
    "B",
    ".",
    "..",
    "%2e",
    "%2E",
    "%25",
    "2e",
    "/",
    "//",
    "%2f",
    "\\",
    "%5c",
    "é",
    "%c3%a9",
    "?",
    "#",
    "{id}",
    "~",
    "%7e",
  );
  const anyUri = fc
    .tuple(fc.constantFrom("file://", "demo://h", "http://h", "urn:", "FILE:"), fc.array(part, { maxLength: 8 }))
    .map(([head, parts]) => head + parts.join(""));

  it("has nothing left to normalise in what it returns, but the encoding of percent signs", () => {
    fc.assert(
      fc.property(anyUri, (uri) => {
        const once = normaliseResourceUri(uri);
        if (once !== undefined) expect(normaliseResourceUri(once)).toBe(once);
      }),
      { numRuns: 2000 },
    );
  });

  it("never lets through a path that a URL parser would climb out of", () => {
    fc.assert(
      fc.property(anyUri, (uri) => {
        if (normaliseResourceUri(uri) === undefined || !URL.canParse(uri)) return;
        const segments = uri.split(/[?#]/)[0]?.split("/") ?? [];
        expect(new URL(uri).pathname.split("/").length).toBeGreaterThanOrEqual(segments.length - 3);
        expect(decodeURIComponent(uri)).not.toMatch(/(?:^|[/\\])\.\.?(?:[/\\]|$)/);
      }),
      { numRuns: 2000 },
    );
  });

  it("gives every spelling of one URI the same form, so that no encoding walks around a rule", () => {
    const text = fc
      .string({ unit: fc.constantFrom(..."abcXYZ019-_~!$&'()*+,;=:@ üé東"), minLength: 1 })
      .filter((value) => value === value.trim());
    const spell = (value: string, choice: readonly boolean[]) =>
      Array.from(value, (character, index) =>
        choice[index % choice.length]
          ? Array.from(new TextEncoder().encode(character), (byte) => `%${byte.toString(16).padStart(2, "0")}`).join("")
          : character,
      ).join("");
    fc.assert(
      fc.property(text, fc.array(fc.boolean(), { minLength: 1 }), (value, choice) => {
        expect(normaliseResourceUri(`demo://h/x${spell(value, choice)}`)).toBe(`demo://h/x${value}`);
      }),
    );
  });
});

describe("normaliseResourcePattern", () => {
  it.each([
    ["Demo://Host/**", "demo://host/**"],
    ["file:///a%20b/*", "file:///a b/*"],
    ["**", "**"],
    ["resources", "resources"],
  ])("reads %s as %s", (pattern, expected) => {
    expect(normaliseResourcePattern(pattern)).toBe(expected);
  });

  it("matches the resource that it spells", () => {
    const glob = createGlob(normaliseResourcePattern("Demo://Secret/M%C3%BCller/*"));
    expect(glob.matches(normaliseResourceUri("demo://SECRET/Müller/x") ?? "")).toBe(true);
  });
});
