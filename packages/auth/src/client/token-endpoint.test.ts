import fc from "fast-check";
import { createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify } from "jose";
import { describe, expect, test } from "vitest";
import { validateDpopProof } from "../oauth/dpop.js";
import { createDpopSigner } from "../oauth/dpop-proof.js";
import { sha256Web } from "../oauth/thumbprint.js";
import { verifySignatureWeb } from "../oauth/verify-signature.js";
import { createTestSystem } from "../testing/system.js";
import type { ClientIdentity } from "./authenticate-client.js";
import { clientCredentialsGrant, onBehalfOfGrant, tokenExchangeGrant } from "./grants.js";
import { createTokenEndpoint, type TokenEndpointOptions } from "./token-endpoint.js";

const URL_ = "https://as.example/tenant/token";
const client: ClientIdentity = { method: "none", client_id: "app" };
const GOOD = { access_token: "token", token_type: "bearer", expires_in: 300 };
const system = createTestSystem();

interface Sent {
  readonly headers: Headers;
  readonly form: URLSearchParams;
}

/** A token endpoint that answers in turn; the last answer stays. */
function endpoint(answers: readonly (object | Response | Error)[], change: Partial<TokenEndpointOptions> = {}) {
  const sent: Sent[] = [];
  const fetch = async (url: string, init: RequestInit) => {
    expect([url, init.method, init.redirect]).toEqual([URL_, "POST", "manual"]);
    sent.push({ headers: new Headers(init.headers), form: new URLSearchParams(String(init.body)) });
    const answer = answers[Math.min(sent.length, answers.length) - 1];
    if (answer instanceof Error) throw answer;
    return answer instanceof Response ? answer.clone() : Response.json(answer);
  };
  return { sent, endpoint: createTokenEndpoint({ token_endpoint: URL_, client, fetch, system, ...change }) };
}

const grant = clientCredentialsGrant({ resource: "https://api.example", scope: "a b" });
const refusal = (error: string, more: object = {}, status = 400) => Response.json({ error, ...more }, { status });

describe("a token request", () => {
  test("holds the grant, and the client as it is registered", async () => {
    const secret = { client_id: "app:1", client_secret: "s p+c:al" };
    const basic = endpoint([GOOD], { client: { method: "client_secret_basic", ...secret } });
    await basic.endpoint.request(grant);
    // RFC 6749 §2.3.1 as oauth4webapi encodes it, too.
    expect(basic.sent[0]?.headers.get("authorization")).toBe(`Basic ${btoa("app%3A1:s+p%2Bc%3Aal")}`);
    expect(Object.fromEntries(basic.sent[0]?.form ?? [])).toEqual({
      grant_type: "client_credentials",
      resource: "https://api.example",
      scope: "a b",
    });
    const post = endpoint([GOOD], { client: { method: "client_secret_post", ...secret } });
    await post.endpoint.request(grant);
    expect(Object.fromEntries(post.sent[0]?.form ?? [])).toMatchObject(secret);
    expect(post.sent[0]?.headers.get("authorization")).toBeNull();
  });

  test("is signed by a client that has a key (RFC 7523 §2.2)", async () => {
    const { privateKey, publicKey } = await generateKeyPair("ES256");
    const identity = { method: "private_key_jwt", client_id: "app", key: privateKey, alg: "ES256", kid: "1" } as const;
    const { sent, endpoint: at } = endpoint([GOOD], { client: identity, assertionAudience: "https://as.example" });
    await at.request(grant);
    await at.request(grant);
    const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), kid: "1" }] });
    const assertions = sent.map(({ form }) => form.get("client_assertion") ?? "");
    const options = {
      issuer: "app",
      subject: "app",
      audience: "https://as.example",
      currentDate: new Date(system.now() * 1000),
    };
    const { payload } = await jwtVerify(assertions[0] ?? "", keys, options);
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(60);
    expect(assertions[0]).not.toBe(assertions[1]);
  });

  test.each([
    [tokenExchangeGrant({ subject_token: "s", audience: ["x", "y"] }), "audience=x&audience=y"],
    [tokenExchangeGrant({ subject_token: "s", actor_token: "a" }), "actor_token_type=urn%3Aietf"],
    [onBehalfOfGrant({ assertion: "s", scope: "api://x/.default" }), "requested_token_use=on_behalf_of"],
  ])("says what its grant says, %#", (parameters, expected) => {
    expect(new URLSearchParams(parameters.map(([name, value]) => [name, value])).toString()).toContain(expected);
  });
});

describe("the answer of a token endpoint", () => {
  test("is a token with its end in our own seconds", async () => {
    const { endpoint: at } = endpoint([{ ...GOOD, expires_in: "300", scope: "a" }]);
    expect(await at.request(grant)).toMatchObject({ token_type: "Bearer", expires: system.now() + 300, scope: "a" });
  });

  test.each([
    ["a refusal", refusal("invalid_grant"), { reason: "token_refused", code: "invalid_grant" }],
    [
      "a refusal of the client",
      refusal("invalid_client", {}, 401),
      { reason: "token_refused", code: "invalid_client" },
    ],
    [
      "a busy server",
      new Response("", { status: 429, headers: { "retry-after": "9" } }),
      { reason: "server_busy", retryAfter: 9 },
    ],
    ["a server in maintenance", new Response("", { status: 503 }), { reason: "server_busy", retryAfter: 1 }],
    ["a server that fails", refusal("server_error", {}, 500), { reason: "server_unreachable" }],
    ["no connection", new TypeError("fetch failed"), { reason: "server_unreachable" }],
    ["no answer in time", new DOMException("", "TimeoutError"), { reason: "server_timeout" }],
    [
      "a redirect",
      new Response(null, { status: 307, headers: { location: "https://e.example" } }),
      { reason: "server_garbage" },
    ],
    ["a page", new Response("<html>", { headers: { "content-type": "text/html" } }), { reason: "server_garbage" }],
    [
      "half a document",
      new Response('{"access_token":', { headers: { "content-type": "application/json" } }),
      { reason: "server_garbage" },
    ],
    ["an answer without end", new Response("x".repeat(200_000)), { reason: "server_garbage" }],
    ["a list", new Response("[]", { headers: { "content-type": "application/json" } }), { reason: "server_garbage" }],
    ["a refusal without a code", refusal(""), { reason: "server_garbage" }],
    ["a token with a line break", { ...GOOD, access_token: "a\r\nx: y" }, { reason: "server_garbage" }],
    ["a token that is empty", { ...GOOD, access_token: "" }, { reason: "server_garbage" }],
    ["a token of a type unknown", { ...GOOD, token_type: "mac" }, { reason: "server_garbage" }],
    ["no type", { access_token: "token" }, { reason: "server_garbage" }],
    ["a life that is none", { ...GOOD, expires_in: -1 }, { reason: "server_garbage" }],
    ["a refresh token that is none", { ...GOOD, refresh_token: 7 }, { reason: "server_garbage" }],
    ["a token bound to nobody's key", { ...GOOD, token_type: "DPoP" }, { reason: "server_garbage" }],
  ])("that is %s is named", async (_, answer, expected) => {
    await expect(endpoint([answer]).endpoint.request(grant)).rejects.toMatchObject(expected);
  });

  test("may say what it likes: none of it breaks a line of the log, and no secret is in it", async () => {
    const said = refusal("invalid_grant", { error_description: "a\nforged line \u001b[31m" });
    const error: unknown = await endpoint([said])
      .endpoint.request(grant)
      .catch((caught: unknown) => caught);
    expect((error as Error).message).toBe(
      'token_refused: https://as.example: "invalid_grant": "a\\nforged line \\u001b[31m"',
    );
  });

  test("may repeat what it was sent: the log does not", async () => {
    const jwt = `eyJhbGciOiJub25lIn0.${"x".repeat(40)}.sig`;
    const said = refusal("invalid_grant", { error_description: `token short-one is bad, and ${jwt.slice(0, 50)} too` });
    const asked = tokenExchangeGrant({ subject_token: "short-one", scope: "a" });
    const error: unknown = await endpoint([said])
      .endpoint.request(asked)
      .catch((caught: unknown) => caught);
    expect((error as Error).message).toContain('"token … is bad, and … too"');
  });

  test("of any shape is a token or a named error", async () => {
    const members = fc.record({
      access_token: fc.anything(),
      token_type: fc.anything(),
      expires_in: fc.anything(),
      scope: fc.anything(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.json(),
          members.map((value) => JSON.stringify(value) ?? ""),
        ),
        async (text) => {
          const answer = new Response(text, { headers: { "content-type": "application/json" } });
          const outcome: unknown = await endpoint([answer])
            .endpoint.request(grant)
            .catch((error: unknown) => error);
          if (outcome instanceof Error) expect(outcome).toMatchObject({ reason: "server_garbage" });
          else expect(outcome).toMatchObject({ access_token: expect.stringMatching(/^[\x21-\x7e]+$/) });
        },
      ),
    );
  });
});

describe("a token bound to a key", () => {
  const BOUND = { ...GOOD, token_type: "DPoP" };

  test("is asked for with a proof, again with the server's nonce, and with that nonce from then on (RFC 9449 §8)", async () => {
    const dpop = await createDpopSigner();
    const headers = { "dpop-nonce": "n1", "content-type": "application/json" };
    const wants = new Response(JSON.stringify({ error: "use_dpop_nonce" }), { status: 400, headers });
    const { sent, endpoint: at } = endpoint([wants, BOUND], { dpop });
    expect(await at.request(grant)).toMatchObject({ token_type: "DPoP" });
    await at.request(grant);
    expect(sent).toHaveLength(3);
    const seen = new Set<string>();
    const ports = {
      verifySignature: verifySignatureWeb,
      sha256: sha256Web,
      replay: { record: (_: string, key: string) => !seen.has(key) && seen.add(key).size > 0 },
    };
    for (const [index, { headers: each }] of sent.entries()) {
      const nonces = { current: () => "n1", isCurrent: (nonce: string) => nonce === "n1" };
      const expected = { htm: "POST", htu: URL_, now: system.now(), ...(index > 0 && { nonces }) };
      expect(await validateDpopProof(each.get("dpop") ?? "", expected, ports)).toMatchObject({ iat: system.now() });
    }
  });

  test("is not taken when it is bound to nothing", async () => {
    const { endpoint: at } = endpoint([GOOD], { dpop: await createDpopSigner() });
    await expect(at.request(grant)).rejects.toMatchObject({ reason: "server_garbage" });
  });

  test("is asked for twice at most", async () => {
    const wants = () =>
      Response.json({ error: "use_dpop_nonce" }, { status: 400, headers: { "dpop-nonce": `${Math.random()}` } });
    const { sent, endpoint: at } = endpoint([wants(), wants()], { dpop: await createDpopSigner() });
    await expect(at.request(grant)).rejects.toMatchObject({ code: "use_dpop_nonce" });
    expect(sent).toHaveLength(2);
  });
});

test.each(["http://as.example/token", "ftp://as.example", "token"])(
  "a token endpoint at %s is refused at once",
  (url) => {
    expect(() => createTokenEndpoint({ token_endpoint: url, client })).toThrow(TypeError);
  },
);
