import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CliError } from "./exit.js";
import { readValue } from "./secret-command.js";

async function* said(...parts: readonly (string | Uint8Array)[]) {
  for (const part of parts) yield Buffer.from(part as string);
}

describe("the value of a secret, from standard input", () => {
  test.each([
    ["as it is", ["key"], "key"],
    ["without the line break at its end", ["key\n"], "key"],
    ["without that of another system", ["key\r\n"], "key"],
    ["with all line breaks but the last", ["a\nb\n\n"], "a\nb\n"],
    ["in several pieces, a letter cut in two", [Buffer.from([0xc3]), Buffer.from([0xa4, 0x0a])], "ä"],
  ])("is taken %s", async (_, parts, value) => {
    expect(await readValue(said(...parts))).toBe(value);
  });

  test.each([
    ["nothing", [], /empty/],
    ["a line break alone", ["\n"], /empty/],
    ["what is no text", [Buffer.from([0xff, 0xfe])], /no UTF-8/],
    ["a NUL", ["canary\0value"], /NUL/],
    ["too much", ["canary".repeat(20_000)], /longer than/],
  ])("is refused: %s, and the error does not repeat it", async (_, parts, message) => {
    const refused = await readValue(said(...parts)).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(CliError);
    expect(String(refused)).toMatch(message);
    expect(String(refused)).not.toContain("canary");
  });

  test("comes back whatever it holds, however it is cut", async () => {
    const texts = fc.string({ unit: "binary", minLength: 1, maxLength: 50 }).filter((text) => !/[\0\r\n]/.test(text));
    await fc.assert(
      fc.asyncProperty(texts, fc.nat(20), async (text, cut) => {
        const bytes = Buffer.from(text);
        const whole = bytes.toString("utf8");
        fc.pre(whole === text);
        expect(await readValue(said(bytes.subarray(0, cut), bytes.subarray(cut)))).toBe(text);
      }),
      { numRuns: 50 },
    );
  });
});
