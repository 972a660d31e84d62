import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { readRecords } from "../packages/sallyport/src/decision-log/read.js";
import { createLogVerifier } from "../packages/sallyport/src/decision-log/signatures.js";
import { verifyLog } from "../packages/sallyport/src/decision-log/verify.js";

const CHILD = new URL("decision-log-child.mjs", import.meta.url).pathname;
/** What a group may wait, and what a busy machine adds before the kill arrives. */
const LOST_MS = 50;

interface Said {
  readonly key?: Record<string, string>;
  readonly taken?: number;
  readonly at?: string;
  readonly durable?: number;
}

/** Runs a writer, kills it after so many lines, and gives everything it had said. */
async function killedAfter(folder: string, lines: number): Promise<readonly Said[]> {
  const child = spawn(process.execPath, [CHILD, folder], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let text = "";
  for await (const chunk of child.stdout) {
    text += String(chunk);
    if (text.split("\n").length > lines) child.kill("SIGKILL");
  }
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

it("kill -9 loses no record that was durable, and of the others at most 50 ms; what is left verifies", async () => {
  for (const lines of [40, 75, 120]) {
    const folder = mkdtempSync(join(tmpdir(), "decision-log-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const said = await killedAfter(folder, lines);
    const jwk = said[0]?.key ?? expect.unreachable("the child said nothing");
    const kept = new Set([...readRecords(folder)].map(({ requestId }) => requestId));
    const durable = said.flatMap(({ durable: id }) => id ?? []);
    expect(durable.filter((id) => !kept.has(id))).toEqual([]);
    const taken = said.flatMap(({ taken: id, at }) =>
      id === undefined || at === undefined ? [] : [{ id, at: BigInt(at) }],
    );
    const newest = taken.at(-1)?.at ?? 0n;
    const lost = taken.filter(({ id }) => !kept.has(id));
    expect(lost.filter(({ at }) => Number(newest - at) / 1e6 > LOST_MS)).toEqual([]);
    const { problems } = verifyLog({ folder, verify: createLogVerifier([{ kid: "child", jwk }]) });
    expect(problems.filter(({ kind }) => kind !== "incomplete")).toEqual([]);
  }
});
