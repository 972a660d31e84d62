import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import { sha256Node, verifySignatureNode } from "../adapters/node-crypto.js";
import { createDpopNonces } from "../adapters/node-dpop-nonces.js";
import { createTestIssuer, type TestIssuer } from "../testing/issuer.js";
import { createTestSystem } from "../testing/system.js";
import type { ResourceServer, ResourceServerOptions } from "./contract.js";
import { noLocalRecords } from "./no-local-records.js";
import { createResourceServer } from "./resource-server.js";
import { scopePolicy } from "./scope-policy.js";

const RESOURCE = "https://mcp.example/mcp";
const system = createTestSystem();
const policy = scopePolicy({ scopes: { "mcp:read": { allow: ["tools/**"] } } });
let issuer: TestIssuer;
let jwk: JWK;
let privateKey: CryptoKey;
let jkt: string;

beforeAll(async () => {
  issuer = await createTestIssuer({ issuer: "https://as.example", resource: RESOURCE, system });
  const pair = await generateKeyPair("ES256");
  privateKey = pair.privateKey;
  jwk = await exportJWK(pair.publicKey);
  jkt = await calculateJwkThumbprint(jwk);
});

function server(dpop: Partial<NonNullable<ResourceServerOptions["dpop"]>> = {}): ResourceServer {
  const used = new Set<string>();
  const record = (kind: string, key: string) => !used.has(kind + key) && Boolean(used.add(kind + key));
  return createResourceServer({
    resource: RESOURCE,
    issuers: [issuer],
    policy,
    baseline: ["mcp:read"],
    isLive: noLocalRecords(policy.scopes),
    system,
    sha256: sha256Node,
    verifySignature: verifySignatureNode,
    dpop: { replay: { record }, ...dpop },
  });
}

async function prove(token: string, claims: Record<string, unknown> = {}): Promise<string> {
  const ath = await sha256Node(token);
  return new SignJWT({ jti: crypto.randomUUID(), htm: "POST", htu: RESOURCE, iat: system.now(), ath, ...claims })
    .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk })
    .sign(privateKey);
}

async function attempt(rs: ResourceServer, headers: Record<string, string | readonly string[]>) {
  try {
    await rs.authenticate({ method: "POST", url: RESOURCE, query: "", header: (name) => headers[name] });
    return { status: 200, headers: {} as Record<string, string>, reason: "accepted" };
  } catch (error) {
    return rs.refuse(error);
  }
}

describe("a token that is bound to a key (RFC 9449 §7)", () => {
  test("is accepted with a new proof at every call, and with no proof twice", async () => {
    const rs = server();
    const token = await issuer.token({ cnf: { jkt } });
    const authorization = `DPoP ${token}`;
    const proof = await prove(token);
    expect((await attempt(rs, { authorization, dpop: proof })).status).toBe(200);
    expect((await attempt(rs, { authorization, dpop: proof })).status).toBe(401);
    expect((await attempt(rs, { authorization, dpop: await prove(token) })).status).toBe(200);
  });

  const cases: readonly [
    title: string,
    bound: boolean,
    make: (token: string) => Promise<Record<string, string | readonly string[]>>,
    reason: RegExp,
  ][] = [
    ["without proof", true, async (token) => ({ authorization: `DPoP ${token}` }), /token_binding/],
    ["as a bearer token", true, async (token) => ({ authorization: `Bearer ${token}` }), /token_binding/],
    [
      "as a bearer token with proof",
      true,
      async (token) => ({ authorization: `Bearer ${token}`, dpop: await prove(token) }),
      /token_binding/,
    ],
    [
      "with two proofs",
      true,
      async (token) => ({ authorization: `DPoP ${token}`, dpop: [await prove(token), await prove(token)] }),
      /dpop_proof/,
    ],
    [
      "with the proof of another token",
      true,
      async (token) => ({ authorization: `DPoP ${token}`, dpop: await prove(`${token}x`) }),
      /dpop_proof/,
    ],
    [
      "with the proof of another method",
      true,
      async (token) => ({ authorization: `DPoP ${token}`, dpop: await prove(token, { htm: "GET" }) }),
      /dpop_proof/,
    ],
    [
      "with the DPoP scheme although it is not bound",
      false,
      async (token) => ({ authorization: `DPoP ${token}`, dpop: await prove(token) }),
      /token_binding/,
    ],
  ];
  test.each(cases)("is refused %s, also when it is remembered", async (_title, bound, make, reason) => {
    const rs = server();
    const token = await issuer.token(bound ? { cnf: { jkt } } : {});
    for (let round = 0; round < 2; round++) {
      const refusal = await attempt(rs, await make(token));
      expect([refusal.status, refusal.reason]).toEqual([401, expect.stringMatching(reason)]);
      expect(refusal.headers["www-authenticate"]).toMatch(/, DPoP error="invalid_/);
      expect(refusal.headers["www-authenticate"]).toContain("algs=");
    }
  });

  test("of another key is refused", async () => {
    const token = await issuer.token({ cnf: { jkt: "x".repeat(43) } });
    const refusal = await attempt(server(), { authorization: `DPoP ${token}`, dpop: await prove(token) });
    expect(refusal.reason).toMatch(/dpop_proof/);
  });

  test("is told which nonce to use (RFC 9449 §9)", async () => {
    const rs = server({ nonces: createDpopNonces(new Uint8Array(32)) });
    const token = await issuer.token({ cnf: { jkt } });
    const authorization = `DPoP ${token}`;
    const refusal = await attempt(rs, { authorization, dpop: await prove(token) });
    expect(refusal.status).toBe(401);
    expect(refusal.headers["www-authenticate"]).toContain('error="use_dpop_nonce"');
    const nonce = refusal.headers["dpop-nonce"];
    expect((await attempt(rs, { authorization, dpop: await prove(token, { nonce }) })).status).toBe(200);
  });

  test("is announced in the metadata", () => {
    expect(server().metadata().dpop_signing_alg_values_supported).toContain("ES256");
  });
});
