import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT } from "./architecture/tree.js";

/*
 * The requirements of the MCP authorization specification, numbered, and which tests cite them. `claimed` says that this project keeps
 * one: then a test title names it. The others are open gaps, listed here and nowhere hidden.
 */
interface Requirement {
  readonly id: string;
  readonly role: string;
  readonly level: "MUST" | "SHOULD" | "MAY" | "GUIDANCE";
  readonly revisions: readonly string[];
  readonly text: string;
  readonly claimed: boolean;
}

const FILE = join(ROOT, "test/requirements.json");
const requirements: readonly Requirement[] = JSON.parse(readFileSync(FILE, "utf8"));
const SKIPPED = new Set(["node_modules", "dist", "coverage", "artifacts", "tools"]);

function* testFiles(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && !SKIPPED.has(entry.name)) yield* testFiles(path);
    if (/\.(?:test|contract|conformance)\.tsx?$/.test(entry.name)) yield path;
  }
}

/** Every R-number in the titles and tables of a test, single or in a range (`R-03…R-05`); comments prove nothing. */
function citations(text: string): readonly string[] {
  const code = text.replace(/^\s*(?:\/\/|\/?\*).*$/gm, "");
  return [...code.matchAll(/R-(\d+)(?:\s*(?:…|\.\.\.?)\s*(?:R-)?(\d+))?/g)].flatMap(([, first = "", last = first]) =>
    Array.from({ length: Math.max(1, Number(last) - Number(first) + 1) }, (_, i) => formatId(Number(first) + i)),
  );
}

const formatId = (number: number) => `R-${String(number).padStart(2, "0")}`;

const citedBy = new Map<string, string[]>();
for (const top of ["packages", "test", "examples"]) {
  if (!existsSync(join(ROOT, top))) continue;
  for (const path of testFiles(join(ROOT, top))) {
    if (path === import.meta.filename) continue;
    for (const id of new Set(citations(readFileSync(path, "utf8")))) {
      citedBy.set(id, [...(citedBy.get(id) ?? []), relative(ROOT, path)]);
    }
  }
}

// CLAIM=1 npx vitest run test/requirements.test.ts: claims what is cited. Nothing takes a claim back but a person.
if (process.env.CLAIM === "1") {
  const claimed = requirements.map((one) => ({ ...one, claimed: one.claimed || citedBy.has(one.id) }));
  writeFileSync(FILE, `[\n${claimed.map((one) => `  ${JSON.stringify(one)}`).join(",\n")}\n]\n`);
}

describe("every requirement that is claimed has a test that cites it", () => {
  const claimed = requirements.filter((requirement) => requirement.claimed);

  test.each(claimed)("$id ($level, $role): $text", ({ id }) => {
    expect(
      citedBy.get(id) ?? [],
      `no test cites ${id}. Write one, or set "claimed" to false in test/requirements.json`,
    ).not.toEqual([]);
  });

  test("every citation names a requirement that exists and is claimed", () => {
    const known = new Map(requirements.map((requirement) => [requirement.id, requirement]));
    const wrong = [...citedBy]
      .filter(([id]) => known.get(id)?.claimed !== true)
      .map(
        ([id, files]) =>
          `${id}: cited by ${files.join(", ")}; ${known.has(id) ? "claim it (CLAIM=1)" : "there is none"} in test/requirements.json`,
      );
    expect(wrong).toEqual([]);
  });

  test("the list is whole: unique ids in order, each with a level, a text and revisions", () => {
    const numbers = requirements.map(({ id }) => Number(id.slice(2)));
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    expect(requirements.filter(({ level, text, revisions }) => !level || !text || revisions.length === 0)).toEqual([]);
    expect(requirements.map(({ id }) => id)).toContain("R-13");
  });

  test("the coverage is said", () => {
    const open = requirements.filter((requirement) => !requirement.claimed);
    const lines = ["MUST", "SHOULD", "MAY", "GUIDANCE"].map((level) => {
      const of = requirements.filter((requirement) => requirement.level === level);
      return `${level}: ${of.filter((requirement) => requirement.claimed).length} of ${of.length}`;
    });
    console.info(`requirements with a test: ${lines.join(", ")}\nopen: ${open.map(({ id }) => id).join(" ")}`);
    expect(claimed.length + open.length).toBe(requirements.length);
  });
});

test("ranges and single numbers are both citations", () => {
  expect(citations("R-03…R-05 and R-148...150, R-9")).toEqual([
    "R-03",
    "R-04",
    "R-05",
    "R-148",
    "R-149",
    "R-150",
    "R-09",
  ]);
});
