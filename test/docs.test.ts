import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { OAUTH_ERRORS } from "@sallyport/auth";
import { describe, expect, test } from "vitest";
import { ROOT } from "./architecture/tree.js";

const SKIPPED = new Set(["node_modules", "dist", "coverage", "artifacts", "tools", ".git"]);

function* pages(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory() && !SKIPPED.has(entry.name)) yield* pages(join(folder, entry.name));
    if (entry.isFile() && entry.name.endsWith(".md")) yield relative(ROOT, join(folder, entry.name));
  }
}

const all = [...pages(ROOT)];

/** What a page points to inside the repository: relative links, and paths of sources in code marks. */
function targetsOf(text: string): readonly string[] {
  const withoutBlocks = text.replace(/^```[\s\S]*?^```/gm, "");
  const links = [...withoutBlocks.matchAll(/\]\((?!https?:|mailto:|#)([^)\s#]+)/g)].map((match) => match[1] ?? "");
  const paths = [
    ...withoutBlocks.matchAll(/`\/?((?:packages|test|bench|docs|scripts|examples|\.ci)\/[\w./-]*[\w/])`/g),
  ];
  return [...links, ...paths.map((match) => `/${match[1]}`)];
}

describe("the documentation is true", () => {
  test.each(all)("%s points only to what exists", (page) => {
    const missing = targetsOf(readFileSync(join(ROOT, page), "utf8")).filter((target) => {
      const path = target.startsWith("/") ? join(ROOT, target) : join(ROOT, dirname(page), target);
      return !existsSync(path);
    });
    expect(missing).toEqual([]);
  });

  test("a page that points nowhere is seen", () => {
    expect(targetsOf("[a](docs/a.md#x) `packages/auth/src/b.ts` [c](https://example.com)")).toEqual([
      "docs/a.md",
      "/packages/auth/src/b.ts",
    ]);
  });

  test("docs/errors.md explains every refusal and is current (npm run docs)", async () => {
    const { formatErrorsPage } = await import(join(ROOT, "scripts/errors-page.mjs"));
    const advice = JSON.parse(readFileSync(join(ROOT, "scripts/error-advice.json"), "utf8"));
    expect(readFileSync(join(ROOT, "docs/errors.md"), "utf8")).toBe(formatErrorsPage(OAUTH_ERRORS, advice));
  });

  test("a refusal without advice, and advice without a refusal, are refused", async () => {
    const { formatErrorsPage } = await import(join(ROOT, "scripts/errors-page.mjs"));
    const row = { error: "invalid_request", status: 400, description: "No." };
    expect(() => formatErrorsPage({ a: row }, { refusals: {}, calls: [] })).toThrow("says nothing about: a");
    expect(() => formatErrorsPage({}, { refusals: { b: [] }, calls: [] })).toThrow("do not exist: b");
  });
});
