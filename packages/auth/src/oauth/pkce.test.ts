import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256 } from "./digest.js";
import { isCodeChallenge, isCodeVerifier } from "./pkce.js";

describe("R-65, RFC 7636", () => {
  test("appendix B", async () => {
    const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    expect(isCodeChallenge(challenge)).toBe(true);
    expect(await isCodeVerifier(verifier, challenge)).toBe(true);
    expect(await isCodeVerifier(challenge, challenge)).toBe(false);
  });

  test.each([42, 43, 128, 129])("§4.1: a verifier of %i characters", async (length) => {
    const verifier = "~".repeat(length);
    expect(await isCodeVerifier(verifier, await sha256(verifier))).toBe(length >= 43 && length <= 128);
  });

  test.each(["+", "/", "=", " ", "é", "%", "\n"])("§4.1: a verifier with %j is none", async (character) => {
    const verifier = "a".repeat(50) + character;
    expect(await isCodeVerifier(verifier, await sha256(verifier))).toBe(false);
  });

  test("a verifier fits its own challenge and no other", async () => {
    const verifiers = fc.stringMatching(/^[A-Za-z0-9._~-]{43,128}$/);
    await fc.assert(
      fc.asyncProperty(verifiers, verifiers, async (one, other) => {
        expect(await isCodeVerifier(one, await sha256(one))).toBe(true);
        expect(await isCodeVerifier(one, await sha256(other))).toBe(one === other);
      }),
      { numRuns: 30 },
    );
  });
});
