import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { system } from "@sallyport/auth";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadToken, type TokenSource } from "./token-file.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sallyport-token-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const load = (source: TokenSource["source"], environment: TokenSource["environment"] = {}) =>
  loadToken({ source, environment, system, what: "the admin token" });

describe("A token of 256 bits", () => {
  it("is made once, readable by its owner alone, and found again", () => {
    const file = join(folder, "new", "admin.token");
    const token = load({ file });
    expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(load({ file })).toBe(token);
    expect(readFileSync(file, "utf8").trim()).toBe(token);
  });

  it("is taken from the environment", () => {
    const token = "x".repeat(43);
    expect(load({ env: "TOKEN" }, { TOKEN: `${token}\n` })).toBe(token);
  });

  it.each([
    ["", /is empty/],
    ["\n", /is empty/],
    ["short", /43 or more/],
    ["x".repeat(42), /43 or more/],
    ["x".repeat(201), /43 or more/],
    [`${"x".repeat(43)} ${"y".repeat(43)}`, /43 or more/],
    [`${"x".repeat(43)}\u00e9`, /43 or more/],
  ])("%j is none, and the message repeats nothing of it", (text, why) => {
    const file = join(folder, "admin.token");
    writeFileSync(file, text, { mode: 0o600 });
    for (const attempt of [() => load({ file }), () => load({ env: "TOKEN" }, { TOKEN: text })]) {
      expect(attempt).toThrow(why);
      expect(attempt).not.toThrow(/xxx|short/);
    }
    expect(() => load({ env: "ABSENT" })).toThrow("the environment variable ABSENT is empty");
  });

  it("in a file that others can read is refused", () => {
    const file = join(folder, "admin.token");
    writeFileSync(file, "x".repeat(43));
    chmodSync(file, 0o640);
    expect(() => load({ file })).toThrow(/chmod 600/);
  });
});
