import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { unifiedDiff } from "./unified-diff.js";

test("equal texts have none", () => expect(unifiedDiff("a\n", "a\n", "f")).toBe(""));

test("git applies it, for random texts", () => {
  const folder = mkdtempSync(join(tmpdir(), "diff-"));
  const text = fc
    .tuple(fc.array(fc.constantFrom("a", "b", "", "  c", "# d"), { maxLength: 30 }), fc.boolean())
    .map(([lines, ends]) => (lines.length === 0 ? "" : lines.join("\n") + (ends ? "\n" : "")));
  try {
    fc.assert(
      fc.property(text, text, (before, after) => {
        fc.pre(before !== after && before !== "" && after !== "");
        const file = join(folder, "f");
        writeFileSync(file, before);
        writeFileSync(join(folder, "p"), unifiedDiff(before, after, "f"));
        execFileSync("git", ["apply", "--unidiff-zero", "--whitespace=nowarn", "p"], { cwd: folder });
        expect(readFileSync(file, "utf8")).toBe(after);
      }),
      { numRuns: 40 },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
