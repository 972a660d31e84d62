import fc from "fast-check";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { sha256Node, verifySignatureNode } from "../adapters/node.js";
import { createDpopNonces } from "../adapters/node-dpop-nonces.js";
import { OAuthError, type OAuthErrorReason } from "../core/oauth-error.js";
import { type DpopExpectation, type DpopPorts, validateDpopProof } from "./dpop.js";
import { sha256Web } from "./thumbprint.js";
import { verifySignatureWeb } from "./verify-signature.js";

const NOW = 1_800_000_000;
const URL_ = "https://mcp.example/mcp";
const TOKEN = "access-token";

let keys: { privateKey: CryptoKey; jwk: JWK; jkt: string };
let privateJwk: JWK;
let used: Set<string>;
let ports: DpopPorts;
const expected: DpopExpectation = { htm: "POST", htu: URL_, accessToken: TOKEN, now: NOW };

beforeAll(async () => {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = await exportJWK(publicKey);
  keys = { privateKey, jwk, jkt: await calculateJwkThumbprint(jwk) };
  privateJwk = await exportJWK(privateKey);
});
beforeEach(() => {
  used = new Set();
  const record: DpopPorts["replay"]["record"] = (kind, key) =>
    !used.has(`${kind}:${key}`) && Boolean(used.add(`${kind}:${key}`));
  ports = { verifySignature: verifySignatureNode, sha256: sha256Node, replay: { record } };
});

interface Changes {
  readonly header?: Record<string, unknown>;
  readonly claims?: Record<string, unknown>;
}

async function prove({ header = {}, claims = {} }: Changes = {}): Promise<string> {
  const ath = await sha256Web(TOKEN);
  return new SignJWT({ jti: "j-1", htm: "POST", htu: URL_, iat: NOW, ath, ...claims })
    .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk: keys.jwk, ...header })
    .sign(keys.privateKey);
}

async function reasonOf(run: () => unknown): Promise<OAuthErrorReason | "accepted"> {
  try {
    await run();
    return "accepted";
  } catch (error) {
    if (error instanceof OAuthError) return error.reason;
    throw error;
  }
}

describe("a DPoP proof (RFC 9449 §4.3)", () => {
  test("says which key was proven: its thumbprint as RFC 7638 has it", async () => {
    const proof = await validateDpopProof(await prove(), { ...expected, jkt: keys.jkt }, ports);
    expect(proof).toEqual({ jkt: keys.jkt, jti: "j-1", iat: NOW });
  });

  test("is answered at once when every port answers at once, and by WebCrypto the same", async () => {
    const proof = await prove();
    const atOnce = validateDpopProof(proof, expected, ports);
    expect(atOnce).not.toBeInstanceOf(Promise);
    used.clear();
    const web = { ...ports, verifySignature: verifySignatureWeb, sha256: sha256Web };
    expect(await validateDpopProof(proof, expected, web)).toEqual(atOnce);
  });

  const changes: readonly [title: string, changes: () => Changes, OAuthErrorReason | "accepted"][] = [
    ["of another type", () => ({ header: { typ: "JWT" } }), "dpop_proof"],
    ["without type", () => ({ header: { typ: undefined } }), "dpop_proof"],
    ["without key", () => ({ header: { jwk: undefined } }), "dpop_proof"],
    ["with a private key", () => ({ header: { jwk: privateJwk } }), "dpop_proof"],
    ["with a symmetric key", () => ({ header: { jwk: { kty: "oct", k: "AAAA" } } }), "dpop_proof"],
    ["with a key of another curve", () => ({ header: { jwk: { ...keys.jwk, crv: "P-384" } } }), "dpop_proof"],
    ["with half a key", () => ({ header: { jwk: { ...keys.jwk, y: undefined } } }), "dpop_proof"],
    ["with a key that is no point", () => ({ header: { jwk: { ...keys.jwk, y: "AAAA" } } }), "dpop_proof"],
    ["with a kty that every object has", () => ({ header: { jwk: { kty: "constructor" } } }), "dpop_proof"],
    ["without identifier", () => ({ claims: { jti: undefined } }), "dpop_proof"],
    ["with an enormous identifier", () => ({ claims: { jti: "j".repeat(257) } }), "dpop_proof"],
    ["for another method", () => ({ claims: { htm: "GET" } }), "dpop_proof"],
    ["for the method in lower case", () => ({ claims: { htm: "post" } }), "dpop_proof"],
    ["for another URL", () => ({ claims: { htu: "https://mcp.example/other" } }), "dpop_proof"],
    ["for another host", () => ({ claims: { htu: "https://evil.example/mcp" } }), "dpop_proof"],
    ["for http", () => ({ claims: { htu: "http://mcp.example/mcp" } }), "dpop_proof"],
    ["for no URL", () => ({ claims: { htu: "/mcp" } }), "dpop_proof"],
    ["for the URL with query and fragment", () => ({ claims: { htu: `${URL_}?a=b#c` } }), "accepted"],
    ["for the URL with its default port", () => ({ claims: { htu: "https://mcp.example:443/mcp" } }), "accepted"],
    ["for the URL in other letters", () => ({ claims: { htu: "HTTPS://MCP.example/%6dcp" } }), "accepted"],
    ["for the path in other letters", () => ({ claims: { htu: "https://mcp.example/MCP" } }), "dpop_proof"],
    ["made 300 s ago", () => ({ claims: { iat: NOW - 300 } }), "accepted"],
    ["made 301 s ago", () => ({ claims: { iat: NOW - 301 } }), "dpop_proof"],
    ["made 301 s ahead", () => ({ claims: { iat: NOW + 301 } }), "dpop_proof"],
    ["made at no time", () => ({ claims: { iat: undefined } }), "dpop_proof"],
    ["for another token", () => ({ claims: { ath: "x".repeat(43) } }), "dpop_proof"],
    ["for no token", () => ({ claims: { ath: undefined } }), "dpop_proof"],
  ];
  test.each(changes)("%s: %s", async (_title, make, reason) => {
    const proof = await prove(make());
    expect(await reasonOf(() => validateDpopProof(proof, expected, ports))).toBe(reason);
    expect(used.size).toBe(reason === "accepted" ? 1 : 0);
  });

  test("by another key than the token is bound to is refused", async () => {
    const bound = { ...expected, jkt: "x".repeat(43) };
    expect(await reasonOf(async () => validateDpopProof(await prove(), bound, ports))).toBe("dpop_proof");
  });

  test("signed by somebody else is refused", async () => {
    const { privateKey } = await generateKeyPair("ES256");
    const forged = await new SignJWT({ jti: "j", htm: "POST", htu: URL_, iat: NOW, ath: await sha256Web(TOKEN) })
      .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk: keys.jwk })
      .sign(privateKey);
    expect(await reasonOf(() => validateDpopProof(forged, expected, ports))).toBe("dpop_proof");
  });

  test("is good once (§11.1)", async () => {
    const proof = await prove();
    expect(await reasonOf(() => validateDpopProof(proof, expected, ports))).toBe("accepted");
    expect(await reasonOf(() => validateDpopProof(proof, expected, ports))).toBe("dpop_proof");
  });

  test("is remembered for as long as it could pass", async () => {
    let expires = 0;
    const record = (_kind: string, _key: string, until: number) => {
      expires = until;
      return true;
    };
    await validateDpopProof(await prove({ claims: { iat: NOW + 300 } }), expected, { ...ports, replay: { record } });
    expect(expires).toBeGreaterThan(NOW + 600);
  });

  test("however garbled only ever throws an OAuthError", async () => {
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue(), async (header, claims) => {
        const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
        const proof = `${encode({ alg: "ES256", typ: "dpop+jwt", jwk: keys.jwk, ...header })}.${encode(claims)}.AAAA`;
        expect(await reasonOf(() => validateDpopProof(proof, expected, ports))).toBe("dpop_proof");
      }),
      { numRuns: 300 },
    );
  });
});

describe("nonces (RFC 9449 §8)", () => {
  const nonces = createDpopNonces(new Uint8Array(32).fill(7));

  test.each([
    ["the current one", () => nonces.current(NOW), "accepted"],
    ["the one before", () => nonces.current(NOW - 120), "accepted"],
    ["an old one", () => nonces.current(NOW - 240), "dpop_nonce"],
    ["somebody else's", () => createDpopNonces(new Uint8Array(32)).current(NOW), "dpop_nonce"],
    ["none", () => undefined, "dpop_nonce"],
    ["a number", () => 7, "dpop_nonce"],
  ])("%s is judged", async (_title, nonce, reason) => {
    const proof = await prove({ claims: { nonce: nonce() } });
    expect(await reasonOf(() => validateDpopProof(proof, { ...expected, nonces }, ports))).toBe(reason);
  });

  test("are not made from a short key", () => {
    expect(() => createDpopNonces(new Uint8Array(16))).toThrow(TypeError);
  });
});
