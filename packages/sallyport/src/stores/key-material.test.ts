import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { calculateJwkThumbprint, type JWK } from "jose";
import { describe, expect, test } from "vitest";
import { readPkcs8 } from "./key-material.js";

const pem = (key: KeyObject, type: "pkcs8" | "sec1" | "pkcs1" = "pkcs8") =>
  key.export({ type: type as "pkcs8", format: "pem" }).toString();
const ec = (namedCurve: string) => generateKeyPairSync("ec", { namedCurve });
const rsa = (modulusLength: number) => generateKeyPairSync("rsa", { modulusLength });

describe("a private key in PKCS#8", () => {
  test.each([
    ["ES256", ec("P-256")],
    ["RS256", rsa(2048)],
    ["EdDSA", generateKeyPairSync("ed25519")],
  ] as const)("is one for %s by its type", async (alg, { privateKey, publicKey }) => {
    const material = await readPkcs8(pem(privateKey));
    const jwk = publicKey.export({ format: "jwk" }) as JWK;
    const kid = await calculateJwkThumbprint(jwk);
    expect(material).toMatchObject({ alg, kid });
    // Nothing of the private half is in the public one.
    expect(material.publicJwk).toEqual({ ...jwk, alg, kid, use: "sig" });
  });

  test("is found beside its certificate, and beside its public key", async () => {
    const { privateKey, publicKey } = ec("P-256");
    const alone = await readPkcs8(pem(privateKey));
    const certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    const spki = publicKey.export({ type: "spki", format: "pem" }).toString();
    for (const beside of [certificate, spki]) {
      expect(await readPkcs8(beside + pem(privateKey))).toEqual(alone);
      expect(await readPkcs8(pem(privateKey) + beside)).toEqual(alone);
    }
  });

  test.each([
    ["a curve that signs nothing here", pem(ec("P-384").privateKey), /secp384r1 signs none of/],
    ["RSA that is too short", pem(rsa(1024).privateKey), /rsa of 1024 bits signs none of/],
    ["a key that only agrees", pem(generateKeyPairSync("x25519").privateKey), /x25519 signs none of/],
    ["SEC 1", pem(ec("P-256").privateKey, "sec1"), /SEC 1, not in PKCS#8; `openssl pkcs8/],
    ["PKCS#1", pem(rsa(2048).privateKey, "pkcs1"), /PKCS#1, not in PKCS#8/],
    [
      "an encrypted one",
      ec("P-256")
        .privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "secret" })
        .toString(),
      /is encrypted; `openssl pkcs8/,
    ],
    ["two in one file", pem(ec("P-256").privateKey) + pem(ec("P-256").privateKey), /several private keys/],
    ["two in two forms", pem(ec("P-256").privateKey) + pem(rsa(2048).privateKey, "pkcs1"), /several private keys/],
    [
      "SEC 1 below its parameters, as openssl writes it",
      `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${pem(ec("P-256").privateKey, "sec1")}`,
      /SEC 1, not in PKCS#8/,
    ],
    ["a public key", ec("P-256").publicKey.export({ type: "spki", format: "pem" }).toString(), /a public key/],
    ["another file", "hello", /no private key in PKCS#8/],
    ["a label of everybody's prototype", "-----BEGIN constructor-----", /no private key in PKCS#8/],
    ["a broken one", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", /cannot be read/],
    ["nothing", "", /no private key in PKCS#8/],
  ])("%s is refused, and what is said of it holds nothing of it", async (_, text, message) => {
    const error = await readPkcs8(text).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(TypeError);
    expect((error as TypeError).message).toMatch(message);
    const body = text.split("\n").slice(1, -2).join("").slice(0, 40);
    if (body !== "") expect(String((error as TypeError).stack)).not.toContain(body);
  });
});
