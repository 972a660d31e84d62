import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const TOOLS = fileURLToPath(new URL("../../tools/conformance/node_modules/", import.meta.url));
const SUITE = join(TOOLS, "@modelcontextprotocol/conformance/dist/index.js");

/** The suite needs Node ≥ 22 (`fs.globSync`); this project's own floor is 20. */
const NODE =
  Number(process.versions.node.split(".")[0]) >= 22
    ? process.execPath
    : join(TOOLS, `node-${process.platform}-${process.arch}/bin/node`);

export interface Check {
  readonly scenario: string;
  readonly id: string;
  readonly status: string;
  readonly message: string | undefined;
}

export interface SuiteRun {
  readonly checks: readonly Check[];
  /** Scenarios that are run and reported, but that the revision does not require. */
  readonly unscored: ReadonlySet<string>;
  readonly output: string;
}

/** Runs one command of the suite and reads every check from the files it writes. `onOutput` sees the text as it comes. */
export async function runSuite(
  command: readonly string[],
  onOutput: (text: string) => void = () => undefined,
): Promise<SuiteRun> {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-conformance-"));
  try {
    const child = spawn(NODE, [SUITE, ...command, "-o", folder], { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        onOutput(text);
      });
    }
    await new Promise<void>((resolve, reject) => child.once("error", reject).once("close", () => resolve()));
    const checks = readdirSync(folder).flatMap((name) => checksOf(join(folder, name), name));
    if (checks.length === 0) throw new Error(`the suite made no check:\n${output}`);
    return { checks, unscored: new Set(unscoredIn(output)), output };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function checksOf(folder: string, name: string): readonly Check[] {
  const scenario = name
    .replace(/^(?:server|authorization(?:-server)?)-(?=[a-z])/, "")
    .replace(/-\d{4}-\d\d-\d\dT[\dZ-]+$/, "");
  const checks = JSON.parse(readFileSync(join(folder, "checks.json"), "utf8"));
  return checks.map((check: { id: string; status: string; errorMessage?: string }) => ({
    scenario,
    id: check.id,
    status: check.status,
    message: check.errorMessage,
  }));
}

function unscoredIn(output: string): readonly string[] {
  const from = output.indexOf("Not scored for ");
  return from < 0 ? [] : [...output.slice(from).matchAll(/^\s+[✓✗] (\S+) \(/gm)].map((match) => match[1] ?? "");
}

/** One line a check, with how often it was made: what two runs are compared by. */
export function countChecks(checks: readonly Check[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { scenario, id, status } of checks) {
    const line = `${scenario} ${id} ${status}`;
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  return counts;
}
