import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { RULES, type Tree } from "./architecture/rules.js";
import { importsOf, maskText, parameterListsOf } from "./architecture/scan.js";
import { ROOT, readTree } from "./architecture/tree.js";

const tree = readTree();

describe("the sources keep the rules of the house", () => {
  for (const rule of Object.values(RULES)) {
    test(rule.title, () => expect(rule.check(tree)).toEqual([]));
  }

  test("the linter refuses long functions, any, non-null assertions and console", () => {
    const { linter } = JSON.parse(readFileSync(join(ROOT, "biome.json"), "utf8"));
    expect(linter.rules.complexity.noExcessiveLinesPerFunction).toMatchObject({
      level: "error",
      options: { maxLines: 70 },
    });
    expect(linter.rules.style.noNonNullAssertion).toBe("error");
    expect(linter.rules.suspicious).toMatchObject({ noExplicitAny: "error", noConsole: "error" });
  });
});

/** For each rule trees that break it, and what the message must name. */
const BROKEN: readonly { rule: keyof typeof RULES; what: string; files: Record<string, string>; says: string }[] = [
  {
    rule: "levels",
    what: "a mechanism that imports a role",
    files: {
      "auth/src/oauth/dpop.ts": 'import { a } from "../client/token.js";',
      "auth/src/client/token.ts": "export const a = 1;",
    },
    says: "level 1 imports packages/auth/src/client/token.ts of level 2",
  },
  {
    rule: "levels",
    what: "a role that imports another role, even for a type",
    files: { "auth/src/client/a.ts": 'import type { A } from "../resource-server/contract.js";' },
    says: "level 2 imports packages/auth/src/resource-server/contract.js of level 2",
  },
  {
    rule: "levels",
    what: "a folder nobody placed",
    files: { "auth/src/stuff/a.ts": "export const a = 1;" },
    says: "packages/auth/src/stuff/a.ts: no level",
  },
  {
    rule: "levels",
    what: "the gateway that imports the composition root through a re-export",
    files: { "sallyport/src/gateway/a.ts": 'export { main } from "../cli/main.js";' },
    says: "level 6 imports packages/sallyport/src/cli/main.js of level 8",
  },
  {
    rule: "stores",
    what: "a gateway that picks its own store",
    files: { "sallyport/src/gateway/a.ts": 'const s = await import("../stores/sqlite.js");' },
    says: "Take the interface as an argument",
  },
  {
    rule: "cycles",
    what: "two files that need each other",
    files: { "auth/src/core/a.ts": 'import "./b.js";', "auth/src/core/b.ts": 'import type { A } from "./a.js";' },
    says: "packages/auth/src/core/a.ts → packages/auth/src/core/b.ts → packages/auth/src/core/a.ts: a cycle",
  },
  {
    rule: "core",
    what: "core that waits",
    files: { "auth/src/core/a.ts": "export async function a() {}" },
    says: "async in core",
  },
  {
    rule: "core",
    what: "core with a package",
    files: { "auth/src/core/a.ts": 'import * as jose from "jose";' },
    says: "core imports jose",
  },
  {
    rule: "system",
    what: "a clock",
    files: { "auth/src/oauth/a.ts": "const t = Date.now();" },
    says: "a.ts:1: Date.now",
  },
  {
    rule: "system",
    what: "today",
    files: { "sallyport/src/cli/a.ts": "\nconst t = new Date();" },
    says: "a.ts:2: new Date()",
  },
  {
    rule: "system",
    what: "a template that hides it",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the sample is source text.
    files: { "auth/src/oauth/a.ts": "`x${Math.random()}`" },
    says: "Math.random",
  },
  { rule: "system", what: "a printer", files: { "sallyport/src/gateway/a.ts": 'console.log("x");' }, says: "console" },
  {
    rule: "system",
    what: "bytes from node:crypto",
    files: { "sallyport/src/sealing/a.ts": 'import { createCipheriv, randomBytes } from "node:crypto";' },
    says: "imports randomBytes of node:crypto",
  },
  {
    rule: "node",
    what: "Node in a role",
    files: { "auth/src/client/a.ts": 'import { readFile } from "node:fs";' },
    says: "imports node:fs",
  },
  {
    rule: "node",
    what: "Node behind the adapter of a web framework",
    files: {
      "auth/src/adapters/hono.ts": 'import { a } from "./dns.js";',
      "auth/src/adapters/dns.ts": 'import { lookup } from "node:dns";',
    },
    says: "adapters/dns.ts: imports node:dns",
  },
  {
    rule: "dependencies",
    what: "a framework at run time",
    files: { "auth/src/adapters/hono.ts": 'import { Hono } from "hono";' },
    says: "imports hono",
  },
  {
    rule: "dependencies",
    what: "another package",
    files: { "auth/src/oauth/a.ts": 'import { z } from "zod";' },
    says: "imports zod",
  },
  {
    rule: "process",
    what: "a reader of the environment",
    files: { "sallyport/src/config/a.ts": "const e = process.env.HOME;" },
    says: "process.env",
  },
  { rule: "names", what: "a drawer", files: { "auth/src/oauth/url-utils.ts": "" }, says: "url-utils.ts: a drawer" },
  {
    rule: "names",
    what: "a folder that is a drawer",
    files: { "sallyport/src/helpers/time.ts": "" },
    says: "helpers/time.ts: a drawer",
  },
  {
    rule: "lengths",
    what: "a long source",
    files: { "auth/src/core/a.ts": "\n".repeat(401) },
    says: "401 lines, the limit is 400",
  },
  {
    rule: "lengths",
    what: "a long test",
    files: { "auth/src/core/a.test.ts": "\n".repeat(601) },
    says: "601 lines, the limit is 600",
  },
  {
    rule: "distribution",
    what: "long files everywhere",
    files: { "auth/src/core/a.ts": "\n".repeat(350) },
    says: "95th percentile has 350",
  },
  {
    rule: "parameters",
    what: "four values in a row",
    files: {
      "auth/src/core/a.ts":
        "export function f(a: Map<string, number>, b = [1, 2], c: (x: 1, y: 2) => 3, d: string): void {}",
    },
    says: "f takes 4 positional parameters",
  },
  {
    rule: "parameters",
    what: "an arrow",
    files: { "auth/src/core/a.ts": "const f = (a: 1, b: 2, c: 3, d: 4) => a;" },
    says: "4 positional",
  },
  {
    rule: "parameters",
    what: "a method",
    files: { "auth/src/core/a.ts": "interface A {\n  save(a: 1, b: 2, c: 3, d: 4): void;\n}" },
    says: "save takes 4",
  },
  {
    rule: "wire",
    what: "a second name",
    files: { "auth/src/oauth/a.ts": "interface A { readonly redirectUri: string }" },
    says: "redirect_uri",
  },
  {
    rule: "exports",
    what: "a default",
    files: { "auth/src/core/a.ts": "export default 1;" },
    says: "a default export",
  },
  { rule: "exports", what: "a star", files: { "auth/src/core/a.ts": 'export * from "./b.js";' }, says: "export *" },
  {
    rule: "unused",
    what: "a leftover",
    files: { "auth/src/core/a.ts": "export const left = 1;" },
    says: "nobody uses left",
  },
];

describe("a tree that breaks a rule is refused", () => {
  test.each(BROKEN)("$rule: $what", ({ rule, files, says }) => {
    const bad: Tree = new Map(Object.entries(files).map(([path, text]) => [`packages/${path}`, text]));
    expect(RULES[rule].check(bad).join("\n")).toContain(says);
  });

  test("every rule has a tree that breaks it", () => {
    expect(new Set(BROKEN.map(({ rule }) => rule))).toEqual(new Set(Object.keys(RULES)));
  });
});

describe("the scanner sees code and nothing else", () => {
  test.each([
    { text: "a // Date.now()", seen: "a              " },
    { text: "a /* x */ b", seen: "a         b" },
    { text: 'f("Date.now()")', seen: 'f("          ")' },
    { text: "f(/[/\"']/) + b", seen: "f(/     /) + b" },
    { text: "a / b / c", seen: "a / b / c" },
    { text: "don't\nDate", seen: "don' \nDate" },
  ])("$text", ({ text, seen }) => expect(maskText(text)).toBe(seen));

  test("code inside a nested template stays visible, text does not", () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the sample is source text.
    const masked = maskText("`text ${ one({ a: `deep ${two} text` }) } more` + three");
    for (const word of ["one", "two", "three"]) expect(masked).toContain(word);
    for (const word of ["text", "deep", "more"]) expect(masked).not.toContain(word);
  });

  test("imports of every form are found, and none in a comment or a string", () => {
    const text = [
      'import a from "a";',
      'import type { B } from "b";',
      'import { type C, type D } from "c";',
      'import { type E, e } from "d";',
      'export { f } from "f";',
      'import "g";',
      'const h = import("h");',
      '// import "no";',
      "const s = 'import \"no\"';",
    ].join("\n");
    expect(importsOf(text).map(({ specifier, typeOnly }) => [specifier, typeOnly])).toEqual([
      ["a", false],
      ["b", true],
      ["c", true],
      ["d", false],
      ["f", false],
      ["g", false],
      ["h", false],
    ]);
  });

  test("a call, a condition and a loop are no parameter lists", () => {
    const text =
      "if (a, b, c, d) {}\nfor (a; b; c) {}\nf(a, b, c, d);\nx ? f(a, b, c, d) : y;\nf(a, b, c, d)\n  .then();";
    expect(parameterListsOf(text)).toEqual([]);
  });
});
