import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { isProgram, pathOf } from "./find-program.js";
import { main } from "./main.js";

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "programs-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  mkdirSync(join(made, "bin"));
  mkdirSync(join(made, "bin/folder"));
  for (const [name, mode] of [
    ["server", 0o755],
    ["notes", 0o644],
  ] as const) {
    writeFileSync(join(made, "bin", name), "#!/bin/sh\n");
    chmodSync(join(made, "bin", name), mode);
  }
  return made;
}

test.each([
  ["server", true],
  ["bin/server", true],
  ["./bin/server", true],
  ["./server", false],
  ["nosuchcommand", false],
  ["notes", false],
  ["folder", false],
  ["", false],
])("%s is a program: %s", (name, is) => {
  const cwd = folder();
  const path = `/nowhere:${join(cwd, "bin")}`;
  expect(isProgram(name, { cwd, path, platform: "linux" })).toBe(is);
  const absolute = join(cwd, "bin/server");
  expect(isProgram(absolute, { cwd: "/", path: undefined, platform: "linux" })).toBe(true);
});

test("without a PATH the folders of the system are looked through; on Windows nobody knows before the start", () => {
  expect(isProgram("sh", { cwd: "/", path: undefined, platform: "linux" })).toBe(true);
  expect(isProgram("nosuchcommand", { cwd: "/", path: "", platform: "win32" })).toBe(true);
});

test("a child's own PATH counts before ours", () => {
  const ours = { PATH: "/ours", OTHER: "/other" };
  expect(pathOf({}, ours)).toBe("/ours");
  expect(pathOf({ PATH: "/own" }, ours)).toBe("/own");
  expect(pathOf({ PATH: { env: "OTHER" } }, ours)).toBe("/other");
});

test("`protect` of a command that is not there says so, exits with 2, and claims no name", async () => {
  const dataDir = folder();
  let errors = "";
  const stderr = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    errors += String(text);
    return true;
  });
  onTestFinished(() => stderr.mockRestore());
  expect(await main(["protect", "--data-dir", dataDir, "--name", "crm", "--", "nosuchcommand", "--flag"])).toBe(2);
  expect(errors).toContain('cannot start "nosuchcommand": no folder of PATH has such a program');
  expect(existsSync(join(dataDir, "crm"))).toBe(false);
});
