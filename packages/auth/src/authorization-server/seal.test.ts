import { expect, test } from "vitest";
import { createTestSystem } from "../testing/system.js";
import { openSuccessor, sealSuccessor } from "./seal.js";

test("design §5.3: a successor opens under its predecessor and under nothing else, and says nothing sealed", async () => {
  const system = createTestSystem();
  const sealed = await sealSuccessor(system, "predecessor", "successor");
  expect(sealed).not.toContain("successor");
  expect(await openSuccessor("predecessor", sealed)).toBe("successor");
  await expect(openSuccessor("another", sealed)).rejects.toThrow();
  expect(await sealSuccessor(system, "predecessor", "successor")).not.toBe(sealed);
});

test("a sealed successor that was touched anywhere does not open", async () => {
  const sealed = await sealSuccessor(createTestSystem(), "predecessor", "successor");
  for (const at of [0, 20, 40, sealed.length - 2]) {
    const touched = sealed.slice(0, at) + (sealed[at] === "A" ? "B" : "A") + sealed.slice(at + 1);
    await expect(openSuccessor("predecessor", touched)).rejects.toThrow();
  }
});
