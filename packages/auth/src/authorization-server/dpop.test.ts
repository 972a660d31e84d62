import { calculateJwkThumbprint, decodeJwt, exportJWK, generateKeyPair, SignJWT } from "jose";
import * as oauth from "oauth4webapi";
import { describe, expect, test } from "vitest";
import { createDpopNonces } from "../adapters/node-dpop-nonces.js";
import { system } from "../system.js";
import { createTestAuthorizationServer, TEST_ISSUER } from "../testing/authorization-server.js";
import { createTestClient, TEST_VERIFIER, type TestParameters, type TestTokens } from "../testing/client.js";
import { createMemoryStorage } from "../testing/memory-storage.js";

type Options = Parameters<typeof createTestAuthorizationServer>[0];
type ClientOptions = Parameters<typeof createTestClient>[1];

async function setUp(options: Options = {}, clientOptions: ClientOptions = {}) {
  const server = await createTestAuthorizationServer(options);
  const client = await createTestClient(server, clientOptions);
  const redirect = { redirect_uri: client.redirect_uri, code_verifier: TEST_VERIFIER };
  return {
    server,
    client,
    code: async (change: TestParameters = {}) => (await client.approve(change)).get("code") ?? "",
    redeem: (code: string, proof?: string) =>
      post(server, { grant_type: "authorization_code", client_id: client.client_id, code, ...redirect }, proof),
    refresh: (refresh_token: string, proof?: string) =>
      post(server, { grant_type: "refresh_token", client_id: client.client_id, refresh_token }, proof),
  };
}

type TestServer = Awaited<ReturnType<typeof createTestAuthorizationServer>>;

const post = (server: TestServer, parameters: Record<string, string>, proof?: string) =>
  server.fetch(`${TEST_ISSUER}/token`, {
    method: "POST",
    body: new URLSearchParams(parameters),
    headers: proof === undefined ? {} : { dpop: proof },
  });

/** A client's key, with proofs as §4.2 wants them unless a claim is changed. */
async function createKey(server: TestServer) {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = await exportJWK(publicKey);
  let count = 0;
  return {
    jkt: await calculateJwkThumbprint(jwk),
    proof: (claims: Record<string, unknown> = {}) => {
      count += 1;
      const own = { jti: `proof ${count}`, htm: "POST", htu: `${TEST_ISSUER}/token`, iat: server.system.now() };
      return new SignJWT({ ...own, ...claims })
        .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk })
        .sign(privateKey);
    },
  };
}

const errorOf = async (answer: Response) => [answer.status, ((await answer.json()) as { error?: string }).error];
const tokensOf = async (answer: Response) => {
  expect(answer.status).toBe(200);
  return (await answer.json()) as Required<TestTokens> & { readonly token_type: string };
};

describe("RFC 9449 §5: a token request with a proof", () => {
  test("gives a token that is bound to the key, and says so", async () => {
    const { server, code, redeem } = await setUp();
    const key = await createKey(server);
    const tokens = await tokensOf(await redeem(await code(), await key.proof()));
    expect(tokens.token_type).toBe("DPoP");
    expect(decodeJwt(tokens.access_token).cnf).toEqual({ jkt: key.jkt });
  });

  test("without one gives a bearer token, unless the client registered dpop_bound_access_tokens", async () => {
    const free = await setUp();
    const tokens = await tokensOf(await free.redeem(await free.code()));
    expect([tokens.token_type, decodeJwt(tokens.access_token).cnf]).toEqual(["Bearer", undefined]);
    const bound = await setUp({}, { metadata: { dpop_bound_access_tokens: true } });
    const code = await bound.code();
    expect(await errorOf(await bound.redeem(code))).toEqual([400, "invalid_dpop_proof"]);
    const key = await createKey(bound.server);
    expect((await tokensOf(await bound.redeem(code, await key.proof()))).token_type).toBe("DPoP");
  });

  const broken: readonly (readonly [string, Record<string, unknown>])[] = [
    ["for another URL", { htu: `${TEST_ISSUER}/revoke` }],
    ["for another method", { htm: "GET" }],
    ["of 301 seconds ago", { iat: 1_800_000_000 - 301 }],
    ["301 seconds ahead", { iat: 1_800_000_000 + 301 }],
    ["without an id", { jti: undefined }],
  ];
  test.each(broken)("a proof %s is invalid_dpop_proof, and the code stays good", async (_, claims) => {
    const { server, code, redeem } = await setUp();
    const key = await createKey(server);
    const issued = await code();
    expect(await errorOf(await redeem(issued, await key.proof(claims)))).toEqual([400, "invalid_dpop_proof"]);
    expect((await redeem(issued, await key.proof())).status).toBe(200);
  });

  test("§11.1: one proof is good for one request, also under attack by repetition", async () => {
    const { server, code, redeem, refresh } = await setUp();
    const key = await createKey(server);
    const proof = await key.proof();
    const { refresh_token } = await tokensOf(await redeem(await code(), proof));
    const answers = await Promise.all([1, 2, 3].map(() => refresh(refresh_token, proof)));
    for (const answer of answers) expect(await errorOf(answer)).toEqual([400, "invalid_dpop_proof"]);
  });

  test("two proofs are none", async () => {
    const { server, code, redeem } = await setUp();
    const key = await createKey(server);
    const both = `${await key.proof()}, ${await key.proof()}`;
    expect(await errorOf(await redeem(await code(), both))).toEqual([400, "invalid_dpop_proof"]);
  });

  test("a store that cannot record proofs lets none pass", async () => {
    const storage = { ...createMemoryStorage(), replay: { record: () => Promise.reject(new Error("gone")) } };
    const { server, code, redeem } = await setUp({ storage });
    const key = await createKey(server);
    expect((await redeem(await code(), await key.proof())).status).toBe(500);
  });
});

describe("RFC 9449 §5: refresh tokens", () => {
  test("of a public client are bound to the key: neither no proof nor another key will do, and nothing is lost", async () => {
    const { server, code, redeem, refresh } = await setUp();
    const [key, thief] = [await createKey(server), await createKey(server)];
    const { refresh_token } = await tokensOf(await redeem(await code(), await key.proof()));
    expect(await errorOf(await refresh(refresh_token))).toEqual([400, "invalid_grant"]);
    expect(await errorOf(await refresh(refresh_token, await thief.proof()))).toEqual([400, "invalid_grant"]);
    const next = await tokensOf(await refresh(refresh_token, await key.proof()));
    expect(decodeJwt(next.access_token).cnf).toEqual({ jkt: key.jkt });
  });

  test("that were not bound can still give bound access tokens", async () => {
    const { server, code, redeem, refresh } = await setUp();
    const key = await createKey(server);
    const { refresh_token } = await tokensOf(await redeem(await code()));
    const next = await tokensOf(await refresh(refresh_token, await key.proof()));
    expect(decodeJwt(next.access_token).cnf).toEqual({ jkt: key.jkt });
    expect((await tokensOf(await refresh(next.refresh_token))).token_type).toBe("Bearer");
  });
});

describe("RFC 9449 §10: dpop_jkt binds the code", () => {
  test("to a key, which alone can redeem it", async () => {
    const { server, code, redeem } = await setUp();
    const [key, thief] = [await createKey(server), await createKey(server)];
    const issued = await code({ dpop_jkt: key.jkt });
    expect(await errorOf(await redeem(issued))).toEqual([400, "invalid_grant"]);
    expect(await errorOf(await redeem(issued, await thief.proof()))).toEqual([400, "invalid_grant"]);
    expect((await redeem(issued, await key.proof())).status).toBe(200);
  });

  test("and is refused when it is no thumbprint", async () => {
    const { client } = await setUp();
    const answer = await client.authorize({ dpop_jkt: "short" });
    expect(new URL(answer.headers.get("location") ?? "").searchParams.get("error")).toBe("invalid_request");
  });
});

describe("RFC 9449 §8: nonces of the server", () => {
  const dpop = { nonces: createDpopNonces(new Uint8Array(32).fill(7)) };

  test("are asked for with use_dpop_nonce, which costs neither code nor proof, and come with every answer", async () => {
    const { server, code, redeem } = await setUp({ dpop });
    const key = await createKey(server);
    const issued = await code();
    const asked = await redeem(issued, await key.proof({ jti: "same" }));
    expect(await errorOf(asked)).toEqual([400, "use_dpop_nonce"]);
    const nonce = asked.headers.get("dpop-nonce");
    expect(asked.headers.get("access-control-expose-headers")).toContain("dpop-nonce");
    const answer = await redeem(issued, await key.proof({ jti: "same", nonce }));
    expect([answer.status, answer.headers.get("dpop-nonce")]).toEqual([200, nonce]);
  });

  test("are good for a few minutes only", async () => {
    const { server, code, redeem } = await setUp({ dpop });
    const key = await createKey(server);
    const nonce = dpop.nonces.current(server.system.now());
    server.system.advance(241);
    expect(await errorOf(await redeem(await code(), await key.proof({ nonce })))).toEqual([400, "use_dpop_nonce"]);
  });

  test("are met by oauth4webapi, which compares what it gets", async () => {
    const { server, client } = await setUp({ dpop, system: { ...system, log: () => undefined } });
    const as = await oauth.processDiscoveryResponse(
      new URL(TEST_ISSUER),
      await oauth.discoveryRequest(new URL(TEST_ISSUER), { algorithm: "oauth2", [oauth.customFetch]: server.fetch }),
    );
    expect(as.dpop_signing_alg_values_supported).toContain("ES256");
    const own: oauth.Client = { client_id: client.client_id };
    const handle = oauth.DPoP(own, await oauth.generateKeyPair("ES256"));
    const query = await client.approve({ dpop_jkt: await handle.calculateThumbprint() });
    query.set("iss", TEST_ISSUER);
    const parameters = oauth.validateAuthResponse(as, own, query, "state of the client");
    const ask = async () =>
      oauth.processAuthorizationCodeResponse(
        as,
        own,
        await oauth.authorizationCodeGrantRequest(
          as,
          own,
          oauth.None(),
          parameters,
          client.redirect_uri,
          TEST_VERIFIER,
          {
            DPoP: handle,
            [oauth.customFetch]: server.fetch,
          },
        ),
      );
    const error: unknown = await ask().catch((thrown: unknown) => thrown);
    expect(oauth.isDPoPNonceError(error)).toBe(true);
    expect((await ask()).token_type).toBe("dpop");
  });
});
