import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { loadCommands } from "./commands.js";

async function namesFor(word: string | undefined): Promise<readonly string[]> {
  const program = new Command();
  for (const add of await loadCommands(word)) add(program, () => {});
  return program.commands.map((command) => command.name());
}

describe("the commands", () => {
  test("are each found by their own word, without those of other words", async () => {
    const all = await namesFor(undefined);
    expect(all).toContain("serve");
    for (const name of all) {
      const some = await namesFor(name);
      expect(some).toContain(name);
      expect(some.length, `${name} loads every command`).toBeLessThan(all.length);
    }
  });

  test.each(["prtect", "", "--help", "Protect", "constructor"])("are all there for %j", async (word) => {
    expect(await namesFor(word)).toEqual(await namesFor(undefined));
  });
});
