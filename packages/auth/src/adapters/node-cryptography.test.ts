import { compactVerify, generateKeyPair } from "jose";
import { describe, expect, test } from "vitest";
import { webCryptography } from "../oauth/cryptography.js";
import { SIGNING_ALGORITHMS } from "../oauth/key-set.js";
import { base64url } from "../system.js";
import { nodeCryptography } from "./node-cryptography.js";

const PAYLOAD = JSON.stringify({ sub: "ü", iat: 1 });

describe.each([
  ["WebCrypto", webCryptography],
  ["node:crypto", nodeCryptography],
] as const)("%s signs as RFC 7515 has it", (_, { sign }) => {
  test.each(SIGNING_ALGORITHMS)("%s, which jose verifies", async (alg) => {
    const { privateKey, publicKey } = await generateKeyPair(alg);
    const header = base64url(new TextEncoder().encode(JSON.stringify({ alg, kid: "one" })));
    const jws = await sign({ alg, privateKey }, header, PAYLOAD);
    const { payload, protectedHeader } = await compactVerify(jws, publicKey, { algorithms: [alg] });
    expect([new TextDecoder().decode(payload), protectedHeader]).toEqual([PAYLOAD, { alg, kid: "one" }]);
    const other = await generateKeyPair(alg);
    await expect(compactVerify(jws, other.publicKey)).rejects.toThrow();
  });
});
