import { compactVerify, exportJWK, generateKeyPair } from "jose";
import { describe, expect, test } from "vitest";
import { webCryptography } from "../oauth/cryptography.js";
import { SIGNING_ALGORITHMS } from "../oauth/key-set.js";
import { base64url } from "../system.js";
import { importSigningKey, nodeCryptography } from "./node-cryptography.js";

const HEADER = (alg: string) => base64url(new TextEncoder().encode(JSON.stringify({ alg, kid: "one" })));
// Node.js says each only once a process, so it is heard from the beginning.
const warnings: Error[] = [];
process.on("warning", (warning) => warnings.push(warning));
const PAYLOAD = JSON.stringify({ sub: "ü", iat: 1 });

describe.each([
  ["WebCrypto", webCryptography],
  ["node:crypto", nodeCryptography],
] as const)("%s signs as RFC 7515 has it", (_, { sign }) => {
  test.each(SIGNING_ALGORITHMS.flatMap((alg) => [true, false].map((extractable) => ({ alg, extractable }))))(
    "$alg, which jose verifies (extractable: $extractable)",
    async ({ alg, extractable }) => {
      const { privateKey, publicKey } = await generateKeyPair(alg, { extractable });
      const jws = await sign({ alg, privateKey }, HEADER(alg), PAYLOAD);
      const { payload, protectedHeader } = await compactVerify(jws, publicKey, { algorithms: [alg] });
      expect([new TextDecoder().decode(payload), protectedHeader]).toEqual([PAYLOAD, { alg, kid: "one" }]);
      const other = await generateKeyPair(alg);
      await expect(compactVerify(jws, other.publicKey)).rejects.toThrow();
    },
  );
});

describe("importSigningKey", () => {
  test.each(SIGNING_ALGORITHMS)("takes a key for %s that does not come out again and signs at once", async (alg) => {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    const imported = await importSigningKey(await exportJWK(privateKey), alg);
    await expect(exportJWK(imported)).rejects.toThrow();
    const jws = nodeCryptography.sign({ alg, privateKey: imported }, HEADER(alg), PAYLOAD);
    expect(jws).toEqual(expect.any(String));
    await compactVerify(await jws, publicKey, { algorithms: [alg] });
  });

  test("refuses what is no private key for the algorithm", async () => {
    const pair = await generateKeyPair("ES256", { extractable: true });
    await expect(importSigningKey(await exportJWK(pair.publicKey), "ES256")).rejects.toThrow(TypeError);
    await expect(importSigningKey({ kty: "oct", k: "c2VjcmV0" }, "ES256")).rejects.toThrow(TypeError);
    await expect(importSigningKey(await exportJWK(pair.privateKey), "RS256")).rejects.toThrow();
  });
});

test("no key makes Node.js warn, extractable or not", async () => {
  for (const extractable of [true, false]) {
    const { privateKey } = await generateKeyPair("ES256", { extractable });
    await nodeCryptography.sign({ alg: "ES256", privateKey }, HEADER("ES256"), PAYLOAD);
  }
  // Warnings come in a turn of their own.
  await new Promise((resolve) => setImmediate(resolve));
  expect(warnings).toEqual([]);
});
