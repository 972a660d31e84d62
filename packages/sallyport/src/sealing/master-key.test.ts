import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { system } from "@sallyport/auth";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadMasterKey } from "./master-key.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sallyport-key-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const load = (file: string, env?: string) => loadMasterKey({ file, env, system });
const text = (fill: number, bytes = 32) => Buffer.alloc(bytes, fill).toString("base64");

describe("the master key file", () => {
  test("is made once, readable by its owner alone, and read the same ever after", () => {
    const file = join(folder, "state", "master.key");
    const [made] = load(file);
    expect(made).toHaveLength(32);
    expect(load(file)).toEqual([made]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, "state")).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(folder, "state"))).toEqual(["master.key"]);
  });

  test("is not overwritten by a process that lost the race", () => {
    const file = join(folder, "master.key");
    let raced = false;
    // The other process makes the file between this one's look and its own attempt.
    const randomBytes = (length: number) => {
      if (!raced) writeFileSync(file, text(5), { mode: 0o600 });
      raced = true;
      return system.randomBytes(length);
    };
    expect(loadMasterKey({ file, system: { randomBytes } })).toEqual([new Uint8Array(32).fill(5)]);
    expect(readdirSync(folder)).toEqual(["master.key"]);
  });

  test.each([0o640, 0o604, 0o660, 0o644, 0o610])("is refused with mode %o", (mode) => {
    const file = join(folder, "master.key");
    writeFileSync(file, text(1));
    chmodSync(file, mode);
    expect(() => load(file)).toThrow(/chmod 600/);
  });

  test("may hold several keys: the first seals", () => {
    const file = join(folder, "master.key");
    writeFileSync(file, `${text(2)}\n${text(1)}\n`, { mode: 0o600 });
    expect(load(file)).toEqual([new Uint8Array(32).fill(2), new Uint8Array(32).fill(1)]);
  });

  test.each([
    ["empty", "\n"],
    ["a key of 16 bytes", text(1, 16)],
    ["a key of 33 bytes", text(1, 33)],
    ["a second key of 31 bytes", `${text(1)}\n${text(2, 31)}`],
    ["no base64", `${text(1)}!`],
  ])("is refused when it holds %s, and the message holds no part of it", (_, content) => {
    const file = join(folder, "master.key");
    writeFileSync(file, content, { mode: 0o600 });
    const failure = catchError(() => load(file));
    expect(failure.message).toMatch(/master key file/);
    for (const part of content.split("\n").filter(Boolean)) expect(failure.message).not.toContain(part);
    expect(readFileSync(file, "utf8")).toBe(content);
  });

  test("is refused when it is a folder, or a link that leads nowhere", () => {
    mkdirSync(join(folder, "master.key"));
    expect(() => load(join(folder, "master.key"))).toThrow();
    symlinkSync(join(folder, "gone"), join(folder, "link.key"));
    expect(() => load(join(folder, "link.key"))).toThrow();
  });
});

describe("the master key variable", () => {
  test("takes the place of the file, in base64 or base64url, several with commas", () => {
    const bytes = Buffer.alloc(32, 0xfb);
    const env = `${bytes.toString("base64")},${bytes.toString("base64url")}, ${text(3)}`;
    expect(load(join(folder, "unused"), env)).toEqual(
      [bytes, bytes, Buffer.alloc(32, 3)].map((key) => new Uint8Array(key)),
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  test("of the wrong size is an error, not a reason to use the file", () => {
    const failure = catchError(() => load(join(folder, "unused"), text(4, 24)));
    expect(failure.message).toMatch(/variable/);
    expect(failure.message).not.toContain(text(4, 24));
    expect(readdirSync(folder)).toEqual([]);
  });

  test("that is empty counts as absent", () => {
    expect(load(join(folder, "master.key"), " ")).toHaveLength(1);
    expect(readdirSync(folder)).toEqual(["master.key"]);
  });
});

function catchError(run: () => unknown): Error {
  try {
    run();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("nothing was thrown");
}
