import { describe, expect, test } from "vitest";
import { nodeCryptography } from "../adapters/node-cryptography.js";
import { webCryptography } from "../oauth/cryptography.js";
import { createTestSystem } from "../testing/system.js";
import { openSuccessor, sealSuccessor } from "./seal.js";

const system = createTestSystem();
const PORTS = [
  ["WebCrypto", { system, cryptography: webCryptography }, { system, cryptography: nodeCryptography }],
  ["node:crypto", { system, cryptography: nodeCryptography }, { system, cryptography: webCryptography }],
] as const;

describe.each(PORTS)("%s", (_, parts, other) => {
  test("design §5.3: a successor opens under its predecessor and under nothing else, and says nothing sealed", async () => {
    const sealed = await sealSuccessor(parts, "predecessor", "successor");
    expect(sealed).not.toContain("successor");
    expect(await openSuccessor(parts, "predecessor", sealed)).toBe("successor");
    expect(await openSuccessor(other, "predecessor", sealed)).toBe("successor");
    await expect(openSuccessor(parts, "another", sealed)).rejects.toThrow();
    expect(await sealSuccessor(parts, "predecessor", "successor")).not.toBe(sealed);
  });

  test("a sealed successor that was touched anywhere, or cut, does not open", async () => {
    const sealed = await sealSuccessor(parts, "predecessor", "successor");
    const touched = [0, 20, 40, sealed.length - 2].map(
      (at) => sealed.slice(0, at) + (sealed[at] === "A" ? "B" : "A") + sealed.slice(at + 1),
    );
    for (const text of [...touched, sealed.slice(0, -4), sealed.slice(0, 16), "AAAA", ""]) {
      await expect(openSuccessor(parts, "predecessor", text)).rejects.toThrow();
    }
  });
});
