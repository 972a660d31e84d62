import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT } from "../interop/program.js";
import { titled } from "./ground.js";

/* SECURITY.md names a test for each threat; a test that was renamed away must not leave a promise behind. */
const page = readFileSync(join(ROOT, "SECURITY.md"), "utf8");
const PROOF = /\| `((?:test|packages)\/[\w./-]+\.(?:test|contract)\.tsx?)` “([^”]+)” \|$/;
const rows = page
  .slice(page.indexOf("## Threats"), page.indexOf("## What is not stopped"))
  .split("\n")
  .filter((line) => line.startsWith("| ") && !line.startsWith("| threat"));

describe("each threat of SECURITY.md has code and a proof", () => {
  test("the table is not empty", () => expect(rows.length).toBeGreaterThan(25));

  test.each(titled(rows.map((row) => ({ title: row.split("|")[1]?.trim() ?? "", row }))))("%s", (_, { row }) => {
    const [, file = "", title = ""] = PROOF.exec(row) ?? [];
    expect(row).toMatch(/`packages\/[\w./-]+`/);
    // A title may be broken into template and row; quotes may be escaped.
    expect([file, readFileSync(join(ROOT, file), "utf8").replaceAll("\\", "").includes(title)]).toEqual([file, true]);
  });
});
