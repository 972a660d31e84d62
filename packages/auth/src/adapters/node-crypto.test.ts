import { exportJWK, FlattenedSign, generateKeyPair, type JWK } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { isKeyFor, SIGNATURE_ALGORITHMS, type SignatureAlgorithm, type VerifySignature } from "../oauth/key-set.js";
import { sha256Web } from "../oauth/thumbprint.js";
import { verifySignatureWeb } from "../oauth/verify-signature.js";
import { sha256Node, verifySignatureNode } from "./node-crypto.js";

const PORTS: readonly [name: string, VerifySignature][] = [
  ["WebCrypto", verifySignatureWeb],
  ["node:crypto", verifySignatureNode],
];

interface Signed {
  readonly key: JWK;
  readonly input: Uint8Array;
  readonly signature: Uint8Array;
}

async function sign(alg: SignatureAlgorithm): Promise<Signed> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const {
    protected: header,
    payload,
    signature,
  } = await new FlattenedSign(new TextEncoder().encode("hello")).setProtectedHeader({ alg }).sign(privateKey);
  const input = new TextEncoder().encode(`${header}.${payload}`);
  return { key: await exportJWK(publicKey), input, signature: new Uint8Array(Buffer.from(signature, "base64url")) };
}

describe.each(SIGNATURE_ALGORITHMS)("a signature of %s", (alg) => {
  let signed: Signed;
  let other: Signed;
  beforeAll(async () => {
    [signed, other] = [await sign(alg), await sign(alg)];
  });

  test("comes from a key that fits the algorithm, and no other", () => {
    expect(isKeyFor(alg, signed.key)).toBe(true);
    const fitting = SIGNATURE_ALGORITHMS.filter((one) => isKeyFor(one, { ...signed.key, alg }));
    expect(fitting.every((one) => one === alg || alg.startsWith("Ed"))).toBe(true);
  });

  describe.each(PORTS)("on %s", (_name, verify) => {
    test("is verified", async () => {
      expect(await verify(alg, signed.key, signed.input, signed.signature)).toBe(true);
    });
    test("is refused for other bytes, another key, and when it is cut", async () => {
      const { key, input, signature } = signed;
      expect(await verify(alg, key, input.slice(1), signature)).toBe(false);
      expect(await verify(alg, other.key, input, signature)).toBe(false);
      expect(await verify(alg, key, input, signature.slice(1))).toBe(false);
      expect(await verify(alg, key, input, new Uint8Array(0))).toBe(false);
      expect(await verify(alg, key, input, new Uint8Array(signature.length))).toBe(false);
    });
    test("is never verified by a key that cannot be read", async () => {
      const broken = { ...signed.key, x: "AA", n: "", e: "" };
      const verified = (async () => verify(alg, broken, signed.input, signed.signature))();
      expect(await verified.catch(() => "thrown")).not.toBe(true);
    });
  });
});

test("the digest on node:crypto answers at once, and as WebCrypto does", async () => {
  for (const text of ["", "token", "ü€😀"]) expect(sha256Node(text)).toBe(await sha256Web(text));
});
