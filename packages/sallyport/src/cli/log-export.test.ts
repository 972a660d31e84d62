import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { decided, logFolder, openTestLog } from "../decision-log/testing/log-folder.js";
import { main } from "./main.js";
import { keepOutput } from "./testing/kept-output.js";

const said = keepOutput();

async function logOf(records: number): Promise<string> {
  const folder = logFolder();
  const { chain, recorder } = await openTestLog(folder);
  for (let id = 0; id < records; id++) recorder.record(decided({ id }));
  await chain.close();
  return folder;
}

test("lines go to standard output, or somewhere else and then only once", async () => {
  const folder = await logOf(3);
  const send = () =>
    main([
      ...["log", "export", "--folder", folder, "--format", "cef"],
      ...["--to", join(folder, "out.cef"), "--position", join(folder, "sent.json")],
    ]);
  expect(await main(["log", "export", "--folder", folder, "--format", "cef"])).toBe(0);
  const lines = said.output;
  expect(lines.split("\n")).toHaveLength(4);
  said.output = "";
  expect([await send(), await send()]).toEqual([0, 0]);
  expect(said.output).toBe("Sent 3 decisions.\nSent 0 decisions.\n");
  expect(readFileSync(join(folder, "out.cef"), "utf8")).toBe(lines);
});

test.each([
  ["a target that is none", ["--to", "http://127.0.0.1"], "is not a file, syslog://"],
  ["following without a position", ["--to", "out", "--follow"], "--follow needs --position"],
  ["following to standard output", ["--follow"], "go with --to"],
  ["a target that does not take it", ["--to", "/nowhere/at-all/out"], "/nowhere/at-all/out: ENOENT"],
])("exit code 2 for %s", async (_, flags, says) => {
  expect(await main(["log", "export", "--folder", await logOf(1), ...flags])).toBe(2);
  expect(said.errors).toContain(says);
});
